"""The frame of every command: runs its work, prints what went wrong, returns the exit status."""

import sys
import traceback
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from deploy.errors import explained
from deploy.terminal import escaped, readable
from stage.stage import StageError


def run_command(work: Callable[[], None]) -> int:
    """Run a command's work; returns its exit status, what went wrong in one line before it.

    What the work prints is escaped, so that no text of a client's reaches the terminal raw.
    """
    with escaped():
        try:
            work()
        except StageError as error:
            print(readable(error), file=sys.stderr)
        except (BotoCoreError, ClientError) as error:
            print(readable(explained(error)), file=sys.stderr)
        except KeyboardInterrupt:
            print("Interrupted: run the same command again to go on", file=sys.stderr)
            return 130
        except Exception:  # noqa: BLE001 - printed here, as its text may repeat a client's
            traceback.print_exc()
        else:
            return 0
        return 1
