// The `@vladmandic/face-api` package's side of `bench.speed.video`, run by Node: no import of the project.
"use strict";
const { detect, images, load, tf } = require("./face_api_nets.js");

// Answer each line of JSON (`clip`: .npy, uint8, N x H x W x 3, RGB; `limit`) by seconds, frames and faces.
async function main() {
  await load();
  for await (const line of require("readline").createInterface({ input: process.stdin })) {
    const { clip, limit } = JSON.parse(line);
    let [frames, faces] = [0, 0];
    const started = performance.now();
    for (const [pixels, shape] of images(clip)) {
      if (frames === limit) break;
      const image = tf.tensor3d(pixels, shape, "int32");
      faces += (await detect(image)).length;
      image.dispose();
      frames++;
    }
    console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000, frames, faces }));
  }
}

main();
