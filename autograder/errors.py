"""The exceptions of the kit. Only the command line prints them and exits.

::

    AutogradeError
    ├── CourseError          a mistake in course.yml or in a file that it names
    ├── AuthoringError       a mistake in checks, misconceptions or alternatives
    ├── SubmissionError      a submission that cannot be read
    ├── KeyMismatch          an answer key that does not fit: missing, outdated or for other versions
    ├── SandboxUnavailable   confinement was required but is not available
    ├── DeviceUnavailable    a GPU was asked for but is not available
    ├── MachineError         the machine lacks memory or processor time, or ends processes
    ├── ResultError          a result file that is missing, damaged or from another version
    ├── RequestError         a student asked for a task, topic or file that is not there
    ├── ProtocolError        a child sent something that is not a valid frame
    └── ReleaseError         the release is out of date, or would leak something private
"""

__all__ = [
    "AuthoringError",
    "AutogradeError",
    "CourseError",
    "DeviceUnavailable",
    "KeyMismatch",
    "MachineError",
    "ProtocolError",
    "ReleaseError",
    "RequestError",
    "ResultError",
    "SandboxUnavailable",
    "SubmissionError",
]


class AutogradeError(Exception):
    """Base of every error that a user of the kit can cause and fix; its text is one or more plain sentences."""


class CourseError(AutogradeError):
    """A mistake in the course's data; the text names file, key and remedy, one line per mistake."""


class AuthoringError(AutogradeError):
    """A mistake in a file of checks, misconceptions or alternatives; the text names file and line."""


class SubmissionError(AutogradeError):
    """A submission that cannot be read as a notebook or as Python."""


class KeyMismatch(AutogradeError):
    """An answer key is missing, too old, or made for another version of the course."""


class ResultError(AutogradeError):
    """A result file that is missing, damaged or from another version."""


class RequestError(AutogradeError):
    """A student asked for a task, topic or file that is not there or not what it should be."""


class SandboxUnavailable(AutogradeError):
    """Student code would have to run without the confinement that was asked for."""


class DeviceUnavailable(AutogradeError):
    """Code would have to run on a device that this machine does not have."""


class MachineError(AutogradeError):
    """The machine failed at something that has to work, whatever the code does; nothing is wrong with the course."""


class ProtocolError(AutogradeError):
    """Bytes from a child process that do not decode to a valid message."""


class ReleaseError(AutogradeError):
    """The release folder differs from its sources, or contains something private."""
