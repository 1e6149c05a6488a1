// The studio's page: one photo, something that drives it, and videos of it.

import { LiveHead } from "/live.js";

const $ = (id) => document.getElementById(id);
const live = new LiveHead($("canvas"), $("mp4"));
const state = { avatar: null, photo: null, files: {}, options: {}, defaults: {}, jobs: new Set(), recorded: [] };
window.cameo = { live, state }; // for tests and for the curious
const driver = () => document.querySelector('input[name="driver"]:checked').value;
const seconds = (value) => value >= 90 ? `${Math.round(value / 60)} min` : `${Math.max(1, Math.round(value))} s`;

// ---------------------------------------------------------------- telling

function fail(sentence, place = "error") { $(place).textContent = sentence; $(place).hidden = false; }
function calm() { $("error").hidden = true; $("notice").hidden = true; }
function work(text) { $("working-text").textContent = text; $("working").hidden = !text; }

async function ask(path, how) {
  let answer;
  try { answer = await fetch(path, how); }
  catch { throw new Error("The studio does not answer; start cameo3d studio again."); }
  if (answer.status === 204) return null;
  const kind = answer.headers.get("content-type") || "";
  const body = kind.includes("json") ? await answer.json() : await answer.blob();
  if (!answer.ok) throw new Error(body.error || `The studio answered ${answer.status}.`);
  return body;
}

function form(fields) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Blob) data.append(name, value, value.name);
    else if (value !== undefined && value !== null) data.append(name, value);
  }
  return data;
}

// ---------------------------------------------------------------- photo

async function takePhoto(file) {
  if (!file) return;
  calm();
  stopAll();
  work("Reading the face …");
  try {
    const field = file.name.toLowerCase().endsWith(".avatar") ? "avatar" : "photo";
    const { id } = await ask("/v1/avatars", { method: "POST", body: form({ [field]: file }) });
    if (state.avatar) forget(state.avatar);
    state.avatar = id;
    state.photo = file;
    state.jobs.add(id);
    await ready(id);
    work("Waking up …");
    await openLive();
    document.body.dataset.step = "live";
    $("welcome").hidden = true;
    $("bar").hidden = $("badge").hidden = false;
    $("canvas").focus({ preventScroll: true });
    refresh();
  } catch (error) { fail(error.message); }
  work("");
}

async function ready(id) {
  for (;;) {
    const job = await ask(`/v1/jobs/${id}`);
    if (job.state === "done") {
      if (job.notices?.length) fail(job.notices.join(" "), "notice");
      return;
    }
    if (job.state === "failed" || job.state === "cancelled") throw new Error(job.error || "The avatar was cancelled.");
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

async function openLive() {
  live.close();
  const background = state.options.background;
  await live.open(state.avatar, /^#/.test(background || "") ? background : "keep");
}

live.addEventListener("state", ({ detail }) => {
  $("live-dot").classList.add("on");
  $("live-text").textContent = `live · ${detail.frame_rate.toFixed(0)} frames/s`;
  $("stop").disabled = detail.queued_seconds <= 0 && !playing;
  $("webcam-state").textContent = !webcam ? "" : detail.sees_face ? "Your face is followed." : "Looking for your face …";
});
live.addEventListener("error", ({ detail }) => fail(detail.error));
live.addEventListener("gone", () => {
  $("live-dot").classList.remove("on");
  $("live-text").textContent = "not live";
  if (document.body.dataset.step === "live" && !live.lastError) fail("The live head stopped; choose the photo again to go on.");
});
live.addEventListener("ready", () => {
  for (const name of LIVE) if (state.options[name] !== undefined) live.tell({ do: "set", [name]: state.options[name] });
});
live.addEventListener("still", ({ detail }) => download(detail, `${stem()}_still.png`));

$("photo-file").onchange = (event) => { takePhoto(event.target.files[0]); event.target.value = ""; };
$("example").onclick = async () => {
  try { takePhoto(new File([await ask("/studio/examples/photo")], "astronaut.png", { type: "image/png" })); }
  catch (error) { fail(error.message); }
};
$("new-photo").onclick = () => {
  stopAll();
  live.close();
  document.body.dataset.step = "photo";
  $("welcome").hidden = false;
  $("bar").hidden = $("badge").hidden = true;
  calm();
};
for (const kind of ["dragenter", "dragover"]) addEventListener(kind, (event) => { event.preventDefault(); $("stage").classList.add("dragging"); });
for (const kind of ["dragleave", "drop"]) addEventListener(kind, (event) => { if (kind === "drop" || !event.relatedTarget) $("stage").classList.remove("dragging"); });
addEventListener("drop", (event) => {
  event.preventDefault();
  const file = event.dataTransfer.files[0];
  if (!file) return;
  if (!$("verify").hidden) return verify(file);
  if (document.body.dataset.step === "photo" || file.type.startsWith("image/")) return takePhoto(file);
  const kind = file.type.startsWith("audio/") ? "voice" : file.name.endsWith(".csv") ? "motion" : "video";
  document.querySelector(`input[value="${kind}"]`).checked = true;
  give(kind, file);
});

let viewfinder = null;
$("camera").onclick = async () => {
  calm();
  try {
    viewfinder = await media({ video: { width: 1280, height: 960 } });
    $("viewfinder").srcObject = viewfinder;
    await $("viewfinder").play();
    $("shooting").hidden = false;
    $("shoot").focus();
  } catch (error) { fail(error.message); }
};
function endShooting() { viewfinder?.getTracks().forEach((track) => track.stop()); viewfinder = null; $("shooting").hidden = true; }
$("shoot-cancel").onclick = endShooting;
$("shoot").onclick = async () => {
  const view = $("viewfinder"), canvas = new OffscreenCanvas(view.videoWidth, view.videoHeight);
  canvas.getContext("2d").drawImage(view, 0, 0);
  const blob = await canvas.convertToBlob({ type: "image/png" });
  endShooting();
  takePhoto(new File([blob], "camera.png", { type: "image/png" }));
};

async function media(what) {
  if (!navigator.mediaDevices) throw new Error("The browser gives camera and microphone only to pages of this machine or over https; open http://127.0.0.1 instead.");
  try { return await navigator.mediaDevices.getUserMedia(what); }
  catch (error) {
    const device = what.video ? "camera" : "microphone";
    throw new Error(error.name === "NotAllowedError" ? `The browser does not allow the ${device}; allow it beside the address.`
      : error.name === "NotFoundError" ? `There is no ${device} here; choose a file instead.` : `The ${device} cannot be used: ${error.message}`);
  }
}

// ---------------------------------------------------------------- looking

let lookedAt = 0, restTimer;
function look(x, y) {
  const now = performance.now();
  if (now - lookedAt < 35) return;
  lookedAt = now;
  live.tell({ do: "look", x, y });
  clearTimeout(restTimer);
  restTimer = setTimeout(() => live.tell({ do: "look", x: 0, y: 0 }), 4000);
}
addEventListener("pointermove", (event) => {
  if (!live.isOpen) return;
  const box = $("stage").getBoundingClientRect(), half = box.width / 2;
  look((event.clientX - box.left - half) / half, (event.clientY - box.top - 0.45 * box.height) / half);
});
const gaze = { x: 0, y: 0 };
$("canvas").onkeydown = (event) => {
  const step = { ArrowLeft: [-0.25, 0], ArrowRight: [0.25, 0], ArrowUp: [0, -0.25], ArrowDown: [0, 0.25] }[event.key];
  if (!step) return;
  event.preventDefault();
  gaze.x = Math.max(-1, Math.min(1, gaze.x + step[0]));
  gaze.y = Math.max(-1, Math.min(1, gaze.y + step[1]));
  look(gaze.x, gaze.y);
};
addEventListener("keydown", (event) => { if (event.key === "Escape") stopAll(); });

// ---------------------------------------------------------------- driving

let microphone = null, webcam = null, playing = false;

function stopAll() {
  live.interrupt();
  stopMicrophone();
  stopWebcam();
  stopVideo();
}
$("stop").onclick = () => { live.interrupt(); stopVideo(); };
$("mute").onclick = () => {
  live.mute(!live.muted);
  $("mute").setAttribute("aria-pressed", live.muted);
  $("mp4").muted = live.muted;
};
$("still").onclick = () => live.tell({ do: "still" });

for (const radio of document.querySelectorAll('input[name="driver"]')) radio.onchange = refresh;

function say() {
  calm();
  const text = $("text").value.trim() || $("text").placeholder;
  if (!$("text").value.trim()) $("text").value = text;
  live.audio?.resume();
  live.tell({ do: "say", text });
  refresh();
}
$("say").onclick = say;
$("text").onkeydown = (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) say(); };
$("text").oninput = refresh;

function give(kind, file) {
  state.files[kind] = file;
  calm();
  const play = { voice: "play-voice", video: "play-video", motion: "play-motion" }[kind];
  $(play).disabled = !file;
  refresh();
}
for (const kind of ["voice", "video", "motion"]) $(`${kind}-file`).onchange = (event) => give(kind, event.target.files[0] || null);
$("voice-example").onclick = async () => {
  try { give("voice", new File([await ask("/studio/examples/voice")], "demo_voice.flac", { type: "audio/flac" })); playVoice(); }
  catch (error) { fail(error.message); }
};
$("motion-example").onclick = async () => {
  try { give("motion", new File([await ask("/studio/examples/motion")], "demo_motion.csv", { type: "text/csv" })); playMotion(); }
  catch (error) { fail(error.message); }
};

async function playVoice() {
  calm();
  const file = state.files.voice;
  try {
    await live.audio.resume();
    const sound = await live.audio.decodeAudioData(await file.arrayBuffer());
    live.interrupt();
    live.say(mono(sound), sound.sampleRate);
  } catch { fail(`The sound ${file.name} cannot be decoded by this browser; “Make the video” may still read it.`); }
}
$("play-voice").onclick = playVoice;

function mono(sound) {
  const mixed = new Float32Array(sound.length);
  for (let channel = 0; channel < sound.numberOfChannels; channel++) {
    const data = sound.getChannelData(channel);
    for (let i = 0; i < data.length; i++) mixed[i] += data[i] / sound.numberOfChannels;
  }
  return mixed;
}

async function playMotion() {
  calm();
  live.tell({ do: "play", csv: await state.files.motion.text(), relative: state.options.transfer !== "absolute" });
}
$("play-motion").onclick = playMotion;

// Microphone: pieces of 40 ms at 16 kHz.
$("microphone").onclick = async () => {
  if (microphone) return stopMicrophone();
  calm();
  try {
    const stream = await media({ audio: { echoCancellation: true, noiseSuppression: true, channelCount: 1 } });
    const context = new AudioContext({ sampleRate: 16000 });
    microphone = { stream, context };
    await context.audioWorklet.addModule("/tap.js");
    const tap = new AudioWorkletNode(context, "tap");
    tap.port.onmessage = ({ data }) => {
      let peak = 0;
      for (const value of data) peak = Math.max(peak, Math.abs(value));
      $("level").value = peak;
      if ($("listen").checked) live.hear(data, 16000);
      else { live.say(data, 16000); record(data); }
    };
    context.createMediaStreamSource(stream).connect(tap);
    state.recorded = [];
    press("microphone", "Stop the microphone", true);
  } catch (error) { stopMicrophone(); fail(error.message); }
};
function stopMicrophone() {
  if (!microphone) return;
  microphone.stream.getTracks().forEach((track) => track.stop());
  microphone.context.close();
  microphone = null;
  $("level").value = 0;
  press("microphone", "Start the microphone", false);
  if (state.recorded.length) state.files.microphone = new File([wav(state.recorded, 16000)], "microphone.wav", { type: "audio/wav" });
  refresh();
}
function record(samples) { if (state.recorded.length < 25 * 300) state.recorded.push(samples); }
function press(id, text, pressed) { $(id).textContent = text; $(id).setAttribute("aria-pressed", pressed); }

function wav(parts, rate) {
  const count = parts.reduce((sum, part) => sum + part.length, 0), view = new DataView(new ArrayBuffer(44 + 2 * count));
  const text = (place, letters) => [...letters].forEach((letter, i) => view.setUint8(place + i, letter.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * count, true); text(8, "WAVEfmt ");
  [[16, 16, 4], [20, 1, 2], [22, 1, 2], [24, rate, 4], [28, 2 * rate, 4], [32, 2, 2], [34, 16, 2], [40, 2 * count, 4]]
    .forEach(([place, value, size]) => size === 4 ? view.setUint32(place, value, true) : view.setUint16(place, value, true));
  text(36, "data");
  let place = 44;
  for (const part of parts) for (const value of part) { view.setInt16(place, Math.max(-1, Math.min(1, value)) * 32767, true); place += 2; }
  return view.buffer;
}

// Webcam and video: pictures of 480 pixels, one at a time.
const small = new OffscreenCanvas(480, 360);
async function sendFaces(view, isOn) {
  const context = small.getContext("2d", { willReadFrequently: true });
  while (isOn()) {
    const began = performance.now();
    if (view.videoWidth && !view.paused) {
      const scale = 480 / Math.max(view.videoWidth, view.videoHeight);
      const width = Math.round(view.videoWidth * scale), height = Math.round(view.videoHeight * scale);
      if (small.width !== width || small.height !== height) { small.width = width; small.height = height; }
      context.drawImage(view, 0, 0, width, height);
      const jpeg = await small.convertToBlob({ type: "image/jpeg", quality: 0.8 });
      live.face(await jpeg.arrayBuffer());
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(1, 40 - (performance.now() - began))));
  }
}
$("webcam").onclick = async () => {
  if (webcam) return stopWebcam();
  calm();
  stopVideo();
  try {
    webcam = await media({ video: { width: 640, height: 480, frameRate: 25 } });
    const own = webcam, view = $("webcam-view");
    view.srcObject = webcam;
    view.hidden = false;
    await view.play();
    press("webcam", "Stop the webcam", true);
    $("recentre").disabled = false;
    live.tell({ do: "recentre" });
    sendFaces(view, () => webcam === own);
  } catch (error) { stopWebcam(); fail(error.message); }
};
function stopWebcam() {
  webcam?.getTracks().forEach((track) => track.stop());
  webcam = null;
  $("webcam-view").hidden = true;
  $("recentre").disabled = true;
  press("webcam", "Start the webcam", false);
}
$("recentre").onclick = () => live.tell({ do: "recentre" });

$("play-video").onclick = async () => {
  if (playing) return stopVideo();
  calm();
  stopWebcam();
  const view = $("driving");
  view.src = URL.createObjectURL(state.files.video);
  view.hidden = false;
  try {
    await view.play();
    playing = true;
    $("play-video").textContent = "Stop the video";
    live.tell({ do: "recentre" });
    view.onended = stopVideo;
    sendFaces(view, () => playing);
  } catch { fail(`The video ${state.files.video.name} cannot be played by this browser; “Make the video” may still read it.`); stopVideo(); }
};
function stopVideo() {
  playing = false;
  $("driving").pause();
  $("driving").hidden = true;
  $("play-video").textContent = "Follow it live";
}

// ---------------------------------------------------------------- settings

const GROUPS = [
  ["Motion", ["transfer", "only", "strength", "smooth", "pose", "limits", "hidden", "loop"]],
  ["Face", ["head", "gaze", "set", "mood", "blink"]],
  ["Voice", ["mouth_amplitude", "temperature", "seed", "voice_model"]],
  ["Picture", ["background", "frame", "size_px", "crop_scale", "compare", "face"]],
  ["Model", ["model", "size", "fast", "device", "head_threshold"]],
  ["Disclosure", ["label", "no_mark", "no_credentials"]],
];
const LIVE = new Set(["only", "strength", "head", "gaze", "set"]); // shown at once
const NAMES = { frame: "framing", size_px: "pixels", only: "region", no_mark: "without hidden mark", no_credentials: "without credentials", label: "visible badge", face: "which face", set: "expression", pose: "head motion", transfer: "motion is" };
const LATER = new Set(["format", "relative", "from_first", "absolute"]);

async function loadOptions() {
  const schema = await ask("/studio/options");
  schema.transfer = { default: null, description: "From the photo's own pose by what the driver moves; or as it is, for the same person." };
  const placed = new Set(GROUPS.flatMap(([, names]) => names));
  const rest = Object.keys(schema).filter((name) => !placed.has(name) && !LATER.has(name));
  for (const [title, names] of [...GROUPS, ["More", rest]]) {
    const there = names.filter((name) => schema[name]);
    if (!there.length) continue;
    const group = document.createElement("details");
    group.className = "group";
    group.open = title === "Face";
    group.append(Object.assign(document.createElement("summary"), { textContent: title }));
    for (const name of there) group.append(control(name, schema[name]));
    $("controls").append(group);
  }
  refresh();
}

function control(name, schema) {
  const kinds = [schema, ...(schema.anyOf || [])], get = (key) => kinds.map((kind) => kind[key]).find((value) => value !== undefined && value !== "null");
  const choices = get("enum") || (get("const") !== undefined ? [get("const")] : null), type = get("type");
  const low = get("minimum"), high = get("maximum"), value = COMPOSED[name] && !["background", "pose"].includes(name) ? null : schema.default ?? null;
  state.defaults[name] = value;
  const row = Object.assign(document.createElement("div"), { className: "control" });
  const id = `option-${name}`, label = Object.assign(document.createElement("label"), { htmlFor: id, textContent: NAMES[name] || name.replaceAll("_", " ") });
  const holder = Object.assign(document.createElement("div"), { className: "value" });
  let input, read;
  const made = COMPOSED[name]?.(holder, id);
  if (made) [input, read] = made;
  else if (choices) {
    input = document.createElement("select");
    if (value === null) input.append(new Option("default", ""));
    for (const choice of choices) input.append(new Option(choice, choice));
    input.value = value ?? "";
    read = () => input.value === "" ? null : input.value;
    holder.append(input);
  } else if (type === "boolean") {
    input = Object.assign(document.createElement("input"), { type: "checkbox", checked: !!value });
    read = () => input.checked;
    holder.append(input);
  } else if ((type === "number" || type === "integer") && low !== undefined && high !== undefined && high <= 100 && value !== null) {
    input = Object.assign(document.createElement("input"), { type: "range", min: low, max: high, step: type === "integer" ? 1 : (high - low) / 100 });
    input.value = value;
    const shown = document.createElement("output");
    shown.textContent = input.value;
    read = () => (shown.textContent = input.value, Number(input.value));
    holder.append(input, shown);
  } else if (type === "number" || type === "integer") {
    input = Object.assign(document.createElement("input"), { type: "number", step: type === "integer" ? 1 : "any", value: value ?? "" });
    read = () => input.value === "" ? value : Number(input.value);
    holder.append(input);
  } else {
    input = Object.assign(document.createElement("input"), { type: "text", value: value ?? "", placeholder: value ?? "default" });
    read = () => input.value.trim() === "" ? value : structured(input.value.trim(), kinds);
    holder.append(input);
  }
  input.id = id;
  input.dataset.option = name;
  const told = COMPOSED[name] && name !== "transfer" ? "" : (schema.description || "").split(/(?<=\.)\s/)[0];
  row.append(label, holder);
  if (told) {
    const help = Object.assign(document.createElement("small"), { id: `${id}-help`, textContent: told });
    input.setAttribute("aria-describedby", help.id);
    row.append(help);
  }
  const changed = () => {
    const now = read(), isDefault = JSON.stringify(now) === JSON.stringify(state.defaults[name]);
    if (isDefault) delete state.options[name]; else state.options[name] = now;
    row.classList.toggle("changed", !isDefault);
    if (LIVE.has(name)) live.tell({ do: "set", [name]: isDefault ? null : now });
    refresh();
  };
  holder.addEventListener("input", changed);
  row.restore = () => { delete state.options[name]; row.replaceWith(control(name, schema)); };
  return row;
}

// A value that the service wants as JSON (a list, an object) may be typed as such; else it is text.
function structured(text, kinds) {
  if (kinds.some((kind) => kind.type === "array" || kind.type === "object")) { try { return JSON.parse(text); } catch { return text; } }
  return text;
}

// Options that are written in a notation of their own get controls of their own; `null` is the default.
const COMPOSED = {
  background,
  transfer: (holder) => {
    const select = document.createElement("select");
    for (const [value, text] of [["", "relative"], ["from_first", "relative to the first frame"], ["absolute", "absolute"]]) select.append(new Option(text, value));
    holder.append(select);
    return [select, () => select.value || null];
  },
  pose: (holder) => {
    const select = document.createElement("select");
    for (const [value, text] of [["natural", "the driver's, or a speaker's"], ["still", "still"]]) select.append(new Option(text, value));
    holder.append(select);
    return [select, () => select.value];
  },
  only: (holder, id) => {
    const boxes = ["lips", "eyes", "brows", "pose", "expression"].map((part, i) => {
      const box = Object.assign(document.createElement("input"), { type: "checkbox", value: part, id: i ? `${id}-${part}` : id });
      const label = Object.assign(document.createElement("label"), { className: "check" });
      label.append(box, part);
      holder.append(label);
      return box;
    });
    holder.classList.add("wrap");
    return [boxes[0], () => boxes.filter((box) => box.checked).map((box) => box.value).join(",") || null];
  },
  strength: (holder, id) => sliders(holder, id, [["all", "all", 0, 2, 1], ["lips", "lips", 0, 2, 1], ["eyes", "eyes", 0, 2, 1], ["brows", "brows", 0, 2, 1], ["pose", "head", 0, 2, 1]]),
  set: (holder, id) => sliders(holder, id, [["mouthSmile", "smile", -1, 1, 0], ["browInnerUp", "brows", -1, 1, 0], ["eyeWide", "eyes wide", 0, 1, 0], ["eyeBlink", "eyes shut", 0, 1, 0], ["jawOpen", "mouth", 0, 1, 0]]),
  head: (holder, id) => angles(holder, id, [["yaw", 30], ["pitch", 20], ["roll", 20]]),
  gaze: (holder, id) => angles(holder, id, [["yaw", 25], ["pitch", 20]], "into the camera"),
};

function slider(holder, id, name, low, high, step, value) {
  const line = Object.assign(document.createElement("label"), { className: "line" });
  const input = Object.assign(document.createElement("input"), { type: "range", id, min: low, max: high, step });
  input.value = value;
  const shown = Object.assign(document.createElement("output"), { textContent: value });
  input.addEventListener("input", () => { shown.textContent = input.value; });
  line.append(Object.assign(document.createElement("span"), { textContent: name }), input, shown);
  holder.append(line);
  return input;
}
function sliders(holder, id, parts) {
  holder.classList.add("lines");
  const inputs = parts.map(([, name, low, high, value], i) => slider(holder, i ? `${id}-${name}` : id, name, low, high, 0.05, value));
  return [inputs[0], () => parts.map(([part, , , , value], i) => Number(inputs[i].value) === value ? "" : `${part}=${inputs[i].value}`).filter(Boolean).join(",") || null];
}
function angles(holder, id, axes, camera) {
  holder.classList.add("lines");
  let box;
  if (camera) {
    const label = Object.assign(document.createElement("label"), { className: "check" });
    box = Object.assign(document.createElement("input"), { type: "checkbox" });
    label.append(box, camera);
    holder.append(label);
  }
  const inputs = axes.map(([name, most], i) => slider(holder, i ? `${id}-${name}` : id, name, -most, most, 1, 0));
  return [inputs[0], () => box?.checked ? "camera" : inputs.every((input) => Number(input.value) === 0) ? null : inputs.map((input) => input.value).join(",")];
}

function background(holder) {
  const select = document.createElement("select");
  for (const [value, text] of [["keep", "as in the photo"], ["#", "a colour"], ["file", "a picture"], ["transparent", "transparent"]]) select.append(new Option(text, value));
  const colour = Object.assign(document.createElement("input"), { type: "color", value: "#d8e6e3", hidden: true });
  colour.setAttribute("aria-label", "Background colour");
  const file = Object.assign(document.createElement("input"), { type: "file", accept: "image/*", hidden: true });
  file.setAttribute("aria-label", "Background picture");
  holder.append(select, colour, file);
  file.addEventListener("change", () => { state.files.background = file.files[0]; refresh(); });
  select.addEventListener("input", () => { colour.hidden = select.value !== "#"; file.hidden = select.value !== "file"; });
  colour.addEventListener("change", () => { if (live.isOpen) openLive().catch((error) => fail(error.message)); });
  return [select, () => {
    if (select.value === "transparent") $("format").value = "webm-alpha";
    return select.value === "#" ? colour.value : select.value;
  }];
}

$("reset").onclick = () => { for (const row of [...document.querySelectorAll(".control")]) row.restore(); $("format").value = "mp4"; refresh(); };

// ---------------------------------------------------------------- making a video

function source() {
  const kind = driver();
  if (kind === "text") return { field: "text", value: $("text").value.trim(), name: "typed text", need: "Type a text first." };
  if (kind === "microphone") return { field: "voice", value: state.files.microphone, name: "microphone.wav", need: "Record something first: start the microphone, speak, stop it." };
  if (kind === "webcam") return { need: "The webcam is live only; choose Video to make a video of a recording." };
  const file = state.files[kind];
  return { field: kind, value: file, name: file?.name, need: "Choose a file first." };
}

function chosen() {
  const options = { ...state.options };
  const alpha = $("format").value === "webm-alpha";
  if (alpha) options.background = "transparent";
  if (options.background === "file") delete options.background;
  if (options.transfer) options[options.transfer] = true;
  delete options.transfer;
  if ($("format").value !== "mp4") options.format = "webm";
  return options;
}

const stem = () => (state.photo?.name || "portrait").replace(/\.[^.]*$/, "");

function refresh() {
  for (const panel of document.querySelectorAll(".driver")) panel.hidden = panel.dataset.driver !== driver();
  const { value, need } = source();
  $("make").disabled = !state.avatar || !value;
  $("make-hint").textContent = value ? "" : need;
  const count = Object.keys(state.options).length;
  $("changed").textContent = `${count} changed`;
  $("changed").hidden = $("reset").hidden = !count;
  $("command").textContent = command();
}

function command() {
  if (driver() === "webcam") return `cameo3d live ${quoted(state.photo?.name || "photo.jpg")} --virtual-camera --camera 0`;
  const { field, value, name } = source(), options = chosen();
  const format = options.format || "mp4";
  delete options.format;
  const words = ["cameo3d", "animate", quoted(state.photo?.name || "photo.jpg")];
  if (field) words.push(`--${field}`, quoted(field === "text" ? value || "…" : name || "FILE"));
  for (const [option, choice] of Object.entries(options)) {
    const flag = `--${option.replaceAll("_", "-")}`;
    const joined = /^-/.test(String(choice)); // a value that looks like an option is joined to its own
    if (choice === true) words.push(flag);
    else if (joined) words.push(`${flag}=${choice}`);
    else if (choice !== false) words.push(flag, quoted(String(choice)));
  }
  if (state.options.background === "file") words.push("--background", quoted(state.files.background?.name || "FILE"));
  words.push("--out", quoted(`${stem()}_animated.${format}`));
  return words.join(" ");
}
function quoted(text) { return /^[\w@%+=:,./#-]+$/.test(text) && !text.startsWith("#") ? text : `'${text.replaceAll("'", "'\\''")}'`; }
$("copy").onclick = async () => { await navigator.clipboard.writeText($("command").textContent); $("copy").textContent = "Copied"; setTimeout(() => { $("copy").textContent = "Copy"; }, 1500); };
$("format").onchange = refresh;

$("make").onclick = async () => {
  calm();
  const { field, value, name } = source(), options = chosen();
  const fields = { avatar: state.avatar, [field]: value, options: JSON.stringify(options) };
  if (state.options.background === "file" && state.files.background) fields.background = state.files.background;
  $("make").disabled = true;
  try {
    const { id } = await ask("/v1/animations", { method: "POST", body: form(fields) });
    state.jobs.add(id);
    entry(id, field === "text" ? `“${value.slice(0, 60)}”` : name, options, field === "video" ? value : null);
  } catch (error) { fail(error.message); }
  refresh();
};

function button(text, action) { const made = Object.assign(document.createElement("button"), { type: "button", textContent: text }); made.onclick = action; return made; }

async function entry(id, title, options, video) {
  const item = document.createElement("li"), head = Object.assign(document.createElement("div"), { className: "title" });
  const name = Object.assign(document.createElement("b"), { textContent: title }), told = document.createElement("span");
  told.setAttribute("role", "status");
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.setAttribute("aria-label", `Progress of ${title}`);
  const row = Object.assign(document.createElement("div"), { className: "row" });
  const cancel = button("Cancel", () => ask(`/v1/jobs/${id}`, { method: "DELETE" }).catch(() => {}));
  row.append(cancel);
  head.append(name, told);
  item.append(head, bar, row);
  $("history").prepend(item);
  const began = performance.now();
  let job;
  for (;;) {
    try { job = await ask(`/v1/jobs/${id}`); } catch (error) { job = { state: "cancelled", error: error.message }; }
    if (!["queued", "running"].includes(job.state)) break;
    bar.value = job.progress;
    told.textContent = job.state === "queued" ? "waiting" : job.seconds_left ? `${seconds(job.seconds_left)} left` : "starting";
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
  bar.remove();
  cancel.remove();
  if (job.state !== "done") {
    told.textContent = job.state === "failed" ? "failed" : "cancelled";
    if (job.state === "failed") item.append(Object.assign(document.createElement("p"), { className: "error", textContent: job.error }));
    row.append(button("Remove", () => { item.remove(); forget(id); }));
    return;
  }
  const kind = options.format || "mp4", address = `/v1/jobs/${id}/result`;
  told.textContent = `made in ${seconds((performance.now() - began) / 1000)}`;
  const film = Object.assign(document.createElement("video"), { src: address, controls: true, playsInline: true, preload: "metadata" });
  film.setAttribute("aria-label", title);
  head.after(film);
  row.append(link(address, `${stem()}.${kind}`, kind.toUpperCase()), link(`/v1/jobs/${state.avatar}/result`, `${stem()}.avatar`, "Avatar"));
  if (video) row.append(button("Motion (CSV)", (event) => motionOf(video, options, event.target)));
  row.append(button("Remove", () => { item.remove(); forget(id); }));
  if (job.notices?.length) item.append(Object.assign(document.createElement("p"), { className: "hint", textContent: job.notices.join(" ") }));
}

function link(address, name, text) { return Object.assign(document.createElement("a"), { href: address, download: name, className: "button", textContent: text }); }
function download(blob, name) { const made = link(URL.createObjectURL(blob), name, ""); made.click(); setTimeout(() => URL.revokeObjectURL(made.href), 10000); }

async function motionOf(video, options, pressed) {
  pressed.disabled = true;
  try {
    const more = options.smooth === undefined ? {} : { smooth: options.smooth };
    const { id } = await ask("/v1/track", { method: "POST", body: form({ video, options: JSON.stringify(more) }) });
    state.jobs.add(id);
    await ready(id);
    download(await ask(`/v1/jobs/${id}/result`), video.name.replace(/\.[^.]*$/, "") + "_motion.csv");
    forget(id);
  } catch (error) { fail(error.message); }
  pressed.disabled = false;
}

function forget(id) { state.jobs.delete(id); fetch(`/v1/jobs/${id}`, { method: "DELETE" }).catch(() => {}); }
addEventListener("pagehide", () => { for (const id of state.jobs) fetch(`/v1/jobs/${id}`, { method: "DELETE", keepalive: true }).catch(() => {}); });

// ---------------------------------------------------------------- verifying

function page(name) {
  for (const one of ["studio", "verify"]) {
    $(one).hidden = one !== name;
    if (one === name) $(`tab-${one}`).setAttribute("aria-current", "page"); else $(`tab-${one}`).removeAttribute("aria-current");
  }
}
$("tab-studio").onclick = () => page("studio");
$("tab-verify").onclick = () => page("verify");
$("verify-file").onchange = (event) => { verify(event.target.files[0]); event.target.value = ""; };

async function verify(file) {
  if (!file) return;
  $("verify-error").hidden = $("verdict").hidden = true;
  try {
    const field = file.type.startsWith("video/") ? "video" : "photo";
    const found = await ask("/studio/verify", { method: "POST", body: form({ [field]: file }) });
    $("verdict-head").textContent = `${found.found ? "AI-generated" : "Nothing found"}: ${file.name}`;
    $("verdict-lines").replaceChildren(...found.lines.map((line) => Object.assign(document.createElement("li"), { textContent: line.trim() })));
    $("verdict").hidden = false;
  } catch (error) { fail(error.message, "verify-error"); }
}

refresh();
loadOptions().catch((error) => fail(error.message));
