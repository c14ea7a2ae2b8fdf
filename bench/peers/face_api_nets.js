// The `@vladmandic/face-api` package with its networks loaded, computing in WebAssembly, and images of a .npy file.
"use strict";
const fs = require("fs");
const path = require("path");

// The environment lies beside the checkout's files, not above this one.
const need = require("module").createRequire(path.resolve(".npm-face-api", "_"));
const tf = need("@tensorflow/tfjs");
const wasm = need("@tensorflow/tfjs-backend-wasm");
const faceapi = need("@vladmandic/face-api/dist/face-api.node-wasm.js");

async function load() {
  wasm.setWasmPaths(path.dirname(need.resolve("@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm")) + path.sep);
  await tf.setBackend("wasm");
  const models = path.join(path.dirname(need.resolve("@vladmandic/face-api/package.json")), "model");
  for (const net of ["ssdMobilenetv1", "faceLandmark68Net", "faceExpressionNet"]) await faceapi.nets[net].loadFromDisk(models);
}

// Yield pixels and shape of each image of a .npy file (version 1.0, C order), one of them in memory.
function* images(name) {
  const file = fs.openSync(name);
  const read = (at, size) => {
    const bytes = Buffer.allocUnsafe(size);
    fs.readSync(file, bytes, 0, size, at);
    return bytes;
  };
  const start = 10 + read(8, 2).readUInt16LE(0);
  const [count, ...shape] = /'shape': \(([\d, ]+)\)/.exec(read(10, start - 10).toString("latin1"))[1].split(",").map(Number);
  const size = shape.reduce((product, side) => product * side);
  for (let image = 0; image < count; image++) yield [read(start + image * size, size), shape];
  fs.closeSync(file);
}

// Every face of an image, with what it shows; the default options.
const detect = (image) => faceapi.detectAllFaces(image).withFaceLandmarks().withFaceExpressions();

module.exports = { detect, faceapi, images, load, tf };
