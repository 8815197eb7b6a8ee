"""Starts MiniStack with all bridges: `python -m emulator`.

`tests/second_aws/aws.py` gives it its settings as environment variables. The folder of the
certificates is an argument, because they are written here: only this environment can make them.
"""

import os
import sys
from pathlib import Path

from emulator import bridging, certificates


def main() -> None:
    bridging.check_version()
    certificates.write(Path(sys.argv.pop()), os.environ["MINISTACK_REGION"])
    # The functions find AWS's host names as this process does, and nothing else of the tests.
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2] / "commands")

    # MiniStack reads its settings when it is imported.
    from ministack import app

    from emulator import (
        alarms,
        api_gateway,
        cloudformation,
        cloudfront,
        cognito,
        iam,
        lambda_,
        s3,
        sns,
    )

    for service in (
        *(alarms, api_gateway, cloudformation, cloudfront, cognito),
        *(iam, lambda_, s3, sns),
    ):
        service.bridge()
    # Started as root it would serve port 443 as well, which may be somebody else's.
    bridging.replace(app, "_port_is_bindable", lambda _: lambda _host, _port: False)
    app.main()


if __name__ == "__main__":
    main()
