"""Starts MiniStack with all bridges: `python -m emulator`.

`tests/second_aws/aws.py` sets its environment variables. The argument is the folder for the
certificates, which only this virtual environment has the library to create.
"""

import os
import sys
from pathlib import Path

from emulator import bridging, certificates


def main() -> None:
    bridging.check_version()
    certificates.write(Path(sys.argv.pop()), os.environ["MINISTACK_REGION"])
    # The functions resolve AWS's host names like this process, and import no other test code.
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2] / "commands")

    # MiniStack reads its settings at import.
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
    # As root it would listen on port 443 as well, which another server may use.
    bridging.replace(app, "_port_is_bindable", lambda _: lambda _host, _port: False)
    app.main()


if __name__ == "__main__":
    main()
