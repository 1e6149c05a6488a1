// One live head: the WebSocket of docs/live.md, its pictures on a canvas, its sound on the speakers.

const PICTURE = 1, SOUND = 2, MP4 = 3, STILL = 4, SAY = 16, HEAR = 17, FACE = 18;
const LEAD = 0.06; // seconds of sound kept in hand, at first
const MOST_LEAD = 0.3;

export class LiveHead extends EventTarget {
  constructor(canvas, video) {
    super();
    this.canvas = canvas;
    this.video = video;
    this.context = canvas.getContext("2d", { alpha: false, desynchronized: true });
    this.muted = false;
    this.stats = { shown: 0, sounds: 0, gaps: 0, skew: [], face: [], lead: LEAD };
    this.pending = []; // decoded pictures that wait for their sound
    this.sources = new Set();
    this.sent = new Map(); // when webcam pictures were sent
    this.faceNumber = 0;
    this.echoes = new Map();
    this.lead = LEAD;
    this.quiet = 0;
  }

  async open(avatar, background = "keep") {
    const asked = new URLSearchParams(location.search);
    const format = asked.has("webrtc") ? "webrtc" : !asked.has("mp4") && await h264() ? "h264" : "mp4";
    const offer = format === "webrtc" ? await this.offer() : "";
    if (!this.audio) {
      this.audio = new AudioContext({ latencyHint: "interactive", sampleRate: 48000 });
      this.gain = this.audio.createGain();
      this.gain.connect(this.audio.destination);
    }
    this.audio.resume();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}/v1/live`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.tell({ do: "start", avatar, format, background, offer });
    this.socket.onmessage = (event) =>
      typeof event.data === "string" ? this.hearWords(JSON.parse(event.data)) : this.take(event.data);
    this.socket.onclose = () => { this.close(); this.dispatchEvent(new CustomEvent("gone")); };
    await new Promise((resolve, reject) => {
      this.addEventListener("ready", resolve, { once: true });
      this.addEventListener("gone", () => reject(new Error(this.lastError || "The live head could not start.")), { once: true });
    });
  }

  close() {
    if (this.socket) {
      this.socket.onclose = null;
      this.socket.close();
    }
    this.socket = null;
    this.peer?.close();
    this.peer = null;
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.decoder = null;
    for (const { frame } of this.pending) frame.close();
    this.pending = [];
    this.flush();
    cancelAnimationFrame(this.drawing);
    this.base = undefined;
    this.isFlushing = this.hasKey = false;
  }

  get isOpen() { return this.socket?.readyState === WebSocket.OPEN; }

  tell(words) { if (this.isOpen) this.socket.send(JSON.stringify(words)); }

  send(kind, number, payload) {
    if (!this.isOpen || this.socket.bufferedAmount > 1 << 20) return;
    const message = new Uint8Array(8 + payload.byteLength);
    const view = new DataView(message.buffer);
    view.setUint8(0, kind);
    view.setUint32(4, number, true);
    message.set(new Uint8Array(payload.buffer ?? payload, payload.byteOffset ?? 0, payload.byteLength), 8);
    this.socket.send(message);
  }

  say(samples, rate) { this.sendSound(SAY, samples, rate); }
  hear(samples, rate) { this.sendSound(HEAR, samples, rate); }

  sendSound(kind, samples, rate) {
    for (let start = 0; start < samples.length; start += rate) {
      const part = samples.subarray(start, start + rate);
      const bytes = new Int16Array(part.length);
      for (let i = 0; i < part.length; i++) bytes[i] = Math.max(-1, Math.min(1, part[i])) * 32767;
      this.send(kind, rate, bytes);
    }
  }

  face(jpeg) {
    this.faceNumber = this.faceNumber % 65535 + 1;
    this.sent.set(this.faceNumber, performance.now());
    if (this.sent.size > 200) this.sent.delete(this.sent.keys().next().value);
    this.send(FACE, this.faceNumber, jpeg);
  }

  interrupt() { this.flush(); this.isFlushing = this.isOpen; this.tell({ do: "interrupt" }); }

  mute(muted) {
    this.muted = muted;
    if (this.gain) this.gain.gain.value = muted ? 0 : 1;
  }

  hearWords(words) {
    if (words.event === "ready") this.begin(words);
    if (words.event === "flush") { this.flush(); this.isFlushing = false; }
    if (words.event === "error") this.lastError = words.error;
    this.dispatchEvent(new CustomEvent(words.event, { detail: words }));
  }

  begin(ready) {
    this.frameRate = ready.frame_rate;
    this.soundRate = ready.sound_rate;
    const isVideo = ready.format !== "h264";
    this.canvas.width = ready.width;
    this.canvas.height = ready.height;
    this.canvas.hidden = isVideo;
    this.video.hidden = !isVideo;
    if (ready.format === "mp4") this.beginMp4(ready);
    else if (ready.format === "webrtc") this.peer.setRemoteDescription({ type: "answer", sdp: ready.answer });
    else {
      this.decoder = new VideoDecoder({ output: (frame) => this.decoded(frame), error: () => this.tell({ do: "key" }) });
      this.decoder.configure({ codec: ready.codec, optimizeForLatency: true });
      const draw = () => { this.show(); this.drawing = requestAnimationFrame(draw); };
      this.drawing = requestAnimationFrame(draw);
    }
  }

  take(buffer) {
    const view = new DataView(buffer), kind = view.getUint8(0), number = view.getUint32(4, true);
    const payload = new Uint8Array(buffer, 8);
    if (kind === PICTURE) this.takePicture(number, payload, view.getUint8(1) & 1, view.getUint16(2, true));
    else if (kind === SOUND) this.takeSound(number, new Int16Array(buffer, 8));
    else if (kind === MP4) this.takeMp4(payload);
    else if (kind === STILL) this.dispatchEvent(new CustomEvent("still", { detail: new Blob([payload], { type: "image/png" }) }));
  }

  takePicture(index, data, isKey, face) {
    if (!this.decoder || this.decoder.state !== "configured") return;
    if (!isKey && !this.hasKey) return;
    this.hasKey = true;
    if (face) this.echoes.set(index, face);
    this.decoder.decode(new EncodedVideoChunk({ type: isKey ? "key" : "delta", timestamp: index * 1e6 / this.frameRate, data }));
  }

  decoded(frame) {
    const index = Math.round(frame.timestamp * this.frameRate / 1e6);
    this.pending.push({ index, frame });
    if (this.pending.length > 30) this.pending.shift().frame.close();
  }

  // While something is said, pictures wait until their sound is heard; otherwise the newest is shown at once.
  show() {
    if (!this.pending.length) return;
    const bySound = this.isSpeaking && this.audio.state === "running" && this.base !== undefined;
    const now = bySound ? this.audio.currentTime - (this.audio.outputLatency || 0) : 0;
    let next = null;
    while (this.pending.length && (!bySound || this.timeOf(this.pending[0].index) <= now + 0.008)) {
      next?.frame.close();
      next = this.pending.shift();
    }
    if (!next) return;
    this.context.drawImage(next.frame, 0, 0, this.canvas.width, this.canvas.height);
    next.frame.close();
    this.stats.shown++;
    if (bySound) this.note(this.stats.skew, 1000 * (now - this.timeOf(next.index)));
    const face = this.echoes.get(next.index), sent = face && this.sent.get(face);
    if (sent) { this.note(this.stats.face, performance.now() - sent); this.sent.delete(face); }
    for (const index of this.echoes.keys()) if (index <= next.index) this.echoes.delete(index); else break;
  }

  note(list, value) { list.push(value); if (list.length > 20000) list.shift(); }

  timeOf(index) { return this.base + index / this.frameRate; }

  takeSound(index, samples) {
    this.stats.sounds++;
    this.newest = index;
    const sounds = !this.isFlushing && samples.some((value) => value !== 0); // what was on its way is not heard
    this.quiet = sounds ? 0 : this.quiet + 1;
    this.isSpeaking = this.quiet < 8;
    if (this.audio.state !== "running") return;
    const now = this.audio.currentTime;
    if (this.base === undefined) this.base = now + this.lead - index / this.frameRate;
    let start = this.timeOf(index);
    if (start < now + 0.004) { // too late: the sound would break, so keep more in hand
      if (this.isSpeaking) { this.stats.gaps++; this.lead = Math.min(MOST_LEAD, this.lead + 0.03); }
      this.base += now + this.lead - start;
      start = this.timeOf(index);
    } else if (!this.isSpeaking && start - now > this.lead + 0.08) { // in silence, catch up
      this.base -= start - now - this.lead;
      start = this.timeOf(index);
    }
    this.stats.lead = start - now;
    if (!sounds) return;
    const buffer = this.audio.createBuffer(1, samples.length, this.soundRate);
    const channel = buffer.getChannelData(0);
    for (let i = 0; i < samples.length; i++) channel[i] = samples[i] / 32768;
    const source = this.audio.createBufferSource();
    source.buffer = buffer;
    source.connect(this.gain);
    source.onended = () => this.sources.delete(source);
    source.start(start);
    this.sources.add(source);
  }

  flush() {
    for (const source of this.sources) { try { source.stop(); } catch { /* not begun */ } }
    this.sources.clear();
    this.quiet = 8;
    this.isSpeaking = false;
  }

  // WebRTC: one track of sound and one of pictures come; all candidates are in the offer.
  async offer() {
    const peer = this.peer = new RTCPeerConnection(), stream = new MediaStream();
    peer.addTransceiver("audio", { direction: "recvonly" });
    peer.addTransceiver("video", { direction: "recvonly" });
    peer.ontrack = ({ track }) => { stream.addTrack(track); this.play(stream); };
    await peer.setLocalDescription(await peer.createOffer());
    while (peer.iceGatheringState !== "complete") await new Promise((go) => setTimeout(go, 20));
    const count = () => { this.stats.shown++; if (this.peer === peer) this.video.requestVideoFrameCallback?.(count); };
    this.video.requestVideoFrameCallback?.(count);
    return peer.localDescription.sdp;
  }

  play(stream) {
    if (stream) this.video.srcObject = stream;
    this.video.muted = this.muted;
    this.video.play().catch(() => { this.video.muted = true; this.video.play(); });
  }

  beginMp4(ready) {
    this.parts = [];
    const media = new MediaSource();
    this.video.srcObject = null;
    this.video.src = URL.createObjectURL(media);
    media.onsourceopen = () => {
      this.buffer = media.addSourceBuffer(ready.codec);
      this.buffer.mode = "segments";
      this.buffer.onupdateend = () => this.feed();
      this.feed();
    };
    this.play();
  }

  takeMp4(payload) { this.parts.push(payload); this.feed(); }

  feed() {
    if (!this.buffer || this.buffer.updating || !this.parts.length) return;
    const size = this.parts.reduce((sum, part) => sum + part.length, 0), whole = new Uint8Array(size);
    let place = 0;
    for (const part of this.parts) { whole.set(part, place); place += part.length; }
    this.parts = [];
    try { this.buffer.appendBuffer(whole); } catch { return; }
    const ranges = this.video.buffered;
    if (!ranges.length) return;
    const end = ranges.end(ranges.length - 1);
    if (end - this.video.currentTime > 0.6) this.video.currentTime = end - 0.15;
    this.stats.shown++;
  }
}

async function h264() {
  if (!("VideoDecoder" in window)) return false;
  try { return (await VideoDecoder.isConfigSupported({ codec: "avc1.42c01f" })).supported; } catch { return false; }
}
