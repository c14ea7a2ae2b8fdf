// The `@vladmandic/face-api` package's side of `bench.recognition.comparison`, run by Node: no import of the project.
"use strict";
const fs = require("fs");
const path = require("path");

// The environment lies beside the checkout's files, not above this one.
const need = require("module").createRequire(path.resolve(".npm-face-api", "_"));
const tf = need("@tensorflow/tfjs");
const wasm = need("@tensorflow/tfjs-backend-wasm");
const faceapi = need("@vladmandic/face-api/dist/face-api.node-wasm.js");

const NAMES = ["happy", "angry", "neutral", "fearful"];

// Print a line of JSON for images (.npy, uint8, N x H x W x 3, RGB): "faces", or "photographs" that hold one.
async function main(file, kind) {
  wasm.setWasmPaths(path.dirname(need.resolve("@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm")) + path.sep);
  await tf.setBackend("wasm");
  const models = path.join(path.dirname(need.resolve("@vladmandic/face-api/package.json")), "model");
  for (const net of ["ssdMobilenetv1", "faceLandmark68Net", "faceExpressionNet"]) await faceapi.nets[net].loadFromDisk(models);
  const answers = { scores: [], found: [] };
  for (const [pixels, shape] of images(file)) {
    const image = tf.tensor3d(pixels, shape, "int32");
    const found = kind === "photographs" ? await faceapi.detectAllFaces(image).withFaceLandmarks().withFaceExpressions() : [];
    const size = (face) => face.detection.box.area;
    const largest = found.sort((one, other) => size(other) - size(one))[0];
    const says = largest ? largest.expressions : await faceapi.nets.faceExpressionNet.predictExpressions(image);
    answers.scores.push(NAMES.map((name) => says[name]));
    answers.found.push(Boolean(largest));
    image.dispose();
  }
  console.log(JSON.stringify(answers));
}

// Yield pixels and shape of each image of a .npy file (version 1.0, C order).
function* images(file) {
  const bytes = fs.readFileSync(file);
  const start = 10 + bytes.readUInt16LE(8);
  const [count, ...shape] = /'shape': \(([\d, ]+)\)/.exec(bytes.toString("latin1", 10, start))[1].split(",").map(Number);
  const size = shape.reduce((product, side) => product * side);
  for (let at = 0; at < count; at++) yield [bytes.subarray(start + at * size, start + (at + 1) * size), shape];
}

main(...process.argv.slice(2));
