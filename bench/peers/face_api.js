// The `@vladmandic/face-api` package's side of `bench.recognition.comparison`, run by Node: no import of the project.
"use strict";
const { detect, faceapi, images, load, tf } = require("./face_api_nets.js");

const NAMES = ["happy", "angry", "neutral", "fearful"];

// Print a line of JSON for images (.npy, uint8, N x H x W x 3, RGB): "faces", or "photographs" that hold one.
async function main(file, kind) {
  await load();
  const answers = { scores: [], found: [] };
  for (const [pixels, shape] of images(file)) {
    const image = tf.tensor3d(pixels, shape, "int32");
    const found = kind === "photographs" ? await detect(image) : [];
    const size = (face) => face.detection.box.area;
    const largest = found.sort((one, other) => size(other) - size(one))[0];
    const says = largest ? largest.expressions : await faceapi.nets.faceExpressionNet.predictExpressions(image);
    answers.scores.push(NAMES.map((name) => says[name]));
    answers.found.push(Boolean(largest));
    image.dispose();
  }
  console.log(JSON.stringify(answers));
}

main(...process.argv.slice(2));
