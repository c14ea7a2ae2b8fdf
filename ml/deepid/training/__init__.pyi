from .loop import Examples as Examples
from .loop import TrainingLoop as TrainingLoop
from .reader import balanced_reader as balanced_reader
from .reader import calibrated_reader as calibrated_reader
from .train import TrainingRun as TrainingRun
from .train import train_deepid as train_deepid
from .train import train_words as train_words
