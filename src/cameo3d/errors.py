"""What can go wrong for a user, each as one sentence: what happened, with the value, and what to do."""


class CameoError(Exception):
    """An expected failure that the command line shows as one line."""


class InputError(CameoError):
    """A file that the user gave cannot be used: missing, broken, of the wrong kind, or too large."""


class FaceError(CameoError):
    """A picture or a video shows no usable face."""


class OutputError(CameoError):
    """A result cannot be written where the user asked for it."""


class WeightsError(CameoError):
    """A weights file is missing, damaged, or not of the expected layout."""


class TrainingError(CameoError):
    """A training cannot start or go on: no data, a checkpoint of other choices, infinite gradients."""


class CredentialsError(CameoError):
    """Credentials cannot be made, used or read."""
