"""Two services that speak S3's protocol, written independently of each other: moto's server, and rclone on a folder.

rclone checks every signature. Both can go away in the middle of a test and come back at the same address with what
they held.
"""

import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from tests.support.ports import free_ports

if TYPE_CHECKING:
    from prefect_aws import S3Bucket

ACCESS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "a-secret-of-tests"}
REGION = "us-east-1"


class S3Service(ABC):
    """A service on a free loopback port. `environment` leads boto3's default session to it."""

    def __init__(self) -> None:
        [self.port] = free_ports(1)
        self._buckets = 0

    @abstractmethod
    def start(self) -> None:
        """Come up, or come back."""

    @abstractmethod
    def stop(self) -> None:
        """Go away."""

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What an operator of the service exports."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            **{name.upper(): value for name, value in ACCESS.items()},
        }

    @property
    def client(self) -> Any:
        """A client of the test's own."""
        import boto3
        from botocore.config import Config

        config = Config(s3={"addressing_style": "path"})
        return boto3.client("s3", endpoint_url=self.endpoint, region_name=REGION, config=config, **ACCESS)

    def bucket(self) -> str:
        """A new bucket; its name."""
        self._buckets += 1
        name = f"bucket-{self._buckets}"
        self.client.create_bucket(Bucket=name)
        return name

    def block(self, bucket: str, folder: str = "") -> "S3Bucket":
        """The bucket as a Prefect block, not saved."""
        from prefect_aws import AwsClientParameters, AwsCredentials, S3Bucket

        client = AwsClientParameters(endpoint_url=self.endpoint)
        credentials = AwsCredentials(**ACCESS, region_name=REGION, aws_client_parameters=client)
        return S3Bucket(bucket_name=bucket, bucket_folder=folder, credentials=credentials)


class Moto(S3Service):
    """AWS as moto knows it, in this process; signatures are not checked."""

    @override
    def start(self) -> None:
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        self._server.start()

    @override
    def stop(self) -> None:
        self._server.stop()


class Rclone(S3Service):
    """rclone's `serve s3` in a process of its own; objects are files below `folder`."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        folder.mkdir(exist_ok=True)

    @override
    def start(self) -> None:
        keys = f"{ACCESS['aws_access_key_id']},{ACCESS['aws_secret_access_key']}"
        program = Path(sys.executable).with_name("rclone")
        self._process = subprocess.Popen(
            [
                program,
                "serve",
                "s3",
                "--addr",
                f"127.0.0.1:{self.port}",
                "--auth-key",
                keys,
                "--config",
                "",
                self.folder,
            ],
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while not _listens(self.port):
            assert self._process.poll() is None and time.monotonic() < deadline, "rclone does not come up"
            time.sleep(0.05)

    @override
    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def moto() -> Iterator[Moto]:
    """The server of moto."""
    service = Moto()
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rclone]:
    """The server of rclone."""
    service = Rclone(tmp_path_factory.mktemp("rclone"))
    service.start()
    yield service
    service.stop()


@pytest.fixture(params=["moto", "rclone"])
def s3(request: pytest.FixtureRequest) -> S3Service:
    """Each of the two."""
    service = request.getfixturevalue(request.param)
    assert isinstance(service, S3Service)
    return service
