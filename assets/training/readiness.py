"""Whether there is anything to learn from, asked before a training is begun.

Belongs here: what a home lacks, in words for a person. Stays out: the training set itself (``training_set``).
"""

from collections import defaultdict

from apexline.assets.lake import Lake
from apexline.assets.parameters import Parameters
from apexline.assets.semantics import survey_files
from apexline.ml import EMOTIONS

_FOLDS = 3  # training, validation, test: each needs people of every emotion


def nothing_to_learn(lake: Lake, parameters: Parameters) -> str | None:
    """Say what is missing without which no model can be trained, and how to come by it; None where one may be.

    A home whose clips nobody has rated or labelled is sound: it scores by the model that ships.
    """
    labels = lake.read_all(
        "annotations", columns=["annotation_id", "subject", "emotion", "synthetic"]
    ).to_pylist()
    has_panel = parameters.survey.simulated_raters > 0 and any(each["synthetic"] for each in labels)
    if not survey_files(lake) and not has_panel:
        return (
            "nothing to learn: nobody has rated a segment, so that there is no PAD space; collect ratings with "
            "`apexline survey serve`, or import them with `apexline survey import`"
        )
    rated = set(lake.read_all("ratings", columns=["segment"])["segment"].to_pylist())
    if survey_files(lake) and not rated:
        return None  # the run reads them
    people: dict[str, set[str]] = defaultdict(set)
    for each in labels:
        people[each["emotion"]].add(each["subject"])
    unlabelled = len(
        rated - {each["annotation_id"] for each in labels}
    )  # of any emotion, as far as is known here
    short = {name: len(people[name]) for name in EMOTIONS if len(people[name]) + unlabelled < _FOLDS}
    if short:
        counts = ", ".join(f"{name} {count}" for name, count in short.items())
        return (
            "nothing to learn: people who are labelled with each emotion, and rated segments, are too few to be parted "
            f"into training, validation and test ({counts}); label segments in the clips' sidecars, or have more rated"
        )
    return None
