"""How long a server is tried before it is given up."""

import sys
import time
from dataclasses import dataclass

from ..errors import printable
from .body import LinkFault

__all__ = ["PATIENCE", "Patience"]


@dataclass(frozen=True)
class Patience:
    """Bounds of what is done about faults that may pass.

    Attributes:
        tries: in a row that bring nothing new.
        pause: seconds after the first of them; twice as many after each further one.
        longest: seconds of a pause, whatever a server asks for; one that asks for more is given up.
        timeout: seconds in which a server has to say something.
        tell: say on stderr what is tried again, the first time that it did not work.
    """

    tries: int = 5
    pause: float = 1.0
    longest: float = 60.0
    timeout: float = 30.0
    tell: bool = False

    def wait(self, link: str, tries: int, fault: LinkFault) -> bool:
        """Pause after ``tries`` in vain, the last of which ended so; False at once if no more are of use."""
        pause = max(fault.after, min(self.longest, self.pause * 2.0 ** (tries - 1)))
        if not fault.retry or tries >= self.tries or pause > self.longest:
            return False
        if self.tell and tries == 1:
            told = f"{link}: {fault.reason}; trying again, up to {self.tries - 1} times"
            sys.stderr.write(f"{printable(told)}\n")
        time.sleep(pause)
        return True


PATIENCE = Patience()
"""What suits the web."""
