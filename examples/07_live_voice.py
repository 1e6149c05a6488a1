"""Listen live: sound goes in piece by piece, motion comes out soon after: python examples/07_live_voice.py

Here the pieces are a made-up hum, as a microphone or a speech program would give them.
"""

import numpy as np

import cameo3d

stream = cameo3d.load_voice("lite").start(cameo3d.Delivery(seed=1))
jaw = cameo3d.BLENDSHAPES.index("jawOpen")
piece = cameo3d.SAMPLE_RATE // 10  # 0.1 s, mono
frame_count = 0
for index in range(20):
    seconds = (index * piece + np.arange(piece)) / cameo3d.SAMPLE_RATE
    loudness = 0.3 * np.sin(2 * np.pi * 3 * seconds).clip(0)
    motion = stream.push((loudness * np.sin(2 * np.pi * 140 * seconds)).astype(np.float32))
    frame_count += len(motion)
    opening = f"{float(motion.expression[-1, jaw]):.2f}" if len(motion) else "-"
    print(f"heard {(index + 1) / 10:.1f} s, shown {frame_count / 25:.2f} s, jaw {opening}")
frame_count += len(stream.finish())
print(frame_count, "frames")
