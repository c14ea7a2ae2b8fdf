"""Drawn faces that move as told, and a detector that knows where they are, for the tests of tracking."""

import math

import cv2
import numpy as np

from apexline.features.faces.alignment import CROP_LANDMARKS, Detection, apply_transform
from apexline.features.faces.boxes import Box, Window, box_iou
from apexline.features.faces.config import FaceConfig
from apexline.features.tracking.config import TrackConfig
from apexline.features.tracking.tracker import track_faces
from apexline.features.video.pictures import Frame

# Frames from check to check, at 25 frames per second.
EVERY = 5
ROWS, COLS = 240, 320
FACES = FaceConfig()
TRACKS = TrackConfig(min_blur=0, check_s=EVERY / 25, still_check_s=EVERY / 25, still_search_s=1.0)


def pattern(seed=0):
    """Smooth random texture, 128 x 128: points on it can be followed."""
    noise = np.random.default_rng(seed).normal(0, 1, (128, 128))
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return np.clip(128 + smooth / smooth.std() * 45, 0, 255).astype(np.uint8)


def placed(row, col, *, scale=0.6, angle=0.0):
    """Motion that puts the crop's centre at (row, col); matrix on (col, row, 1)."""
    cos, sin = scale * math.cos(math.radians(angle)), scale * math.sin(math.radians(angle))
    linear = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([linear, np.array([col, row]) - linear @ [63.5, 63.5]])


def draw(image, face, move):
    mask = cv2.warpAffine(np.full_like(face, 255), move, image.shape[1::-1]) > 127
    image[mask] = cv2.warpAffine(face, move, image.shape[1::-1], flags=cv2.INTER_CUBIC)[mask]


def box_of(move):
    corners = apply_transform(move, np.array([[10.0, 20.0], [10.0, 108.0], [118.0, 20.0], [118.0, 108.0]]))
    top, left = corners.min(axis=0)
    height, width = corners.max(axis=0) - corners.min(axis=0)
    return Box(float(left), float(top), float(width), float(height))


def index_of(image):
    """The frame's number, from its corner pixel."""
    return int(image[0, 0, 0]) + 256 * int(image[0, 0, 1])


class Scene:
    """Faces given by their motion at each frame (None: absent), and a detector that knows the truth.

    `seen(name, frame)` says whether the detector sees a face, `noise` is the standard deviation of its
    landmarks, px.
    """

    def __init__(self, num_frames, motions, *, seen=lambda name, frame: True, noise=0.0, score=0.99):
        self.num_frames = num_frames
        self.motions = motions
        self.seen = seen
        self.noise = noise
        self.score = score if callable(score) else lambda name, frame: score
        # Frames where the detector was asked for known faces, for others, and for others everywhere.
        self.checked, self.searched, self.searched_whole = [], [], []
        self.asked_for = []  # how many faces at most
        self.textures = {name: pattern(number + 1) for number, name in enumerate(motions)}
        self._rng = np.random.default_rng(11)

    def frames(self):
        background = np.full((ROWS, COLS), 100, np.uint8)
        for index in range(self.num_frames):
            image = background.copy()
            for name, motion in self.motions.items():
                move = motion(index)
                if move is not None:
                    draw(image, self.textures[name], move)
            # The frame's number, for the detector, in a corner pixel.
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
            image[0, 0] = index % 256, index // 256, 0
            yield Frame(index, index / 25, image)

    def detect(self, image, *, window=None, known=(), most=None):
        if image.shape[:2] != (ROWS, COLS):  # a face's surroundings, turned
            return []
        index = index_of(image)
        self.searched.append(index)
        window = window or Window.whole(image)
        if window == (0, ROWS, 0, COLS):
            self.searched_whole.append(index)
        found = [
            face
            for face in self.visible(index)
            if window.top <= face.landmarks[2, 0] < window.bottom
            and window.left <= face.landmarks[2, 1] < window.right
            and all(box_iou(face.box, box) < 0.3 for box in known)
        ]
        self.asked_for.append(most)
        return found if most is None else sorted(found, key=lambda face: -face.size_px)[:most]

    def confirm(self, image, boxes):
        if image.shape[:2] != (ROWS, COLS):  # a face's surroundings, turned: it is upright
            return [None] * len(boxes)
        index = index_of(image)
        self.checked.append(index)
        return [
            next((face for face in self.visible(index) if box_iou(face.box, box) > 0.3), None)
            for box in boxes
        ]

    def visible(self, index):
        found = []
        for name, motion in self.motions.items():
            move = motion(index)
            if move is None or not self.seen(name, index):
                continue
            landmarks = apply_transform(move, CROP_LANDMARKS) + self._rng.normal(0, self.noise, (5, 2))
            found.append(Detection(box_of(move), self.score(name, index), landmarks))
        return found

    def track(self, *, faces=FACES, tracks=TRACKS, clip_key="clip"):
        return list(track_faces(self.frames(), faces=faces, tracks=tracks, clip_key=clip_key, detector=self))


def still(row=120, col=160, **where):
    return lambda frame: placed(row, col, **where)


def by_track(rows):
    tracks = {}
    for row in rows:
        tracks.setdefault(row.track_id, []).append(row)
    return list(tracks.values())


def frames_of(track):
    return [row.frame for row in track]
