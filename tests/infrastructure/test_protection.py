import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from deployments.aws.protection import jobs, look


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An auto-scaling service with a group of one instance."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("autoscaling")
    client.create_launch_configuration(LaunchConfigurationName="c", ImageId="ami-12345678", InstanceType="g4dn.xlarge")
    client.create_auto_scaling_group(
        AutoScalingGroupName="ecg-gpu",
        LaunchConfigurationName="c",
        MinSize=1,
        MaxSize=5,
        AvailabilityZones=["us-east-1a"],
    )
    yield client
    server.stop()


def test_an_instance_is_protected_while_a_job_runs(group: Any) -> None:
    """Busy: protected, once; idle: free again; what somebody else changed is put right by the next look."""
    (instance,) = group.describe_auto_scaling_instances()["AutoScalingInstances"]
    name = instance["InstanceId"]

    def protected() -> bool:
        return bool(group.describe_auto_scaling_instances()["AutoScalingInstances"][0]["ProtectedFromScaleIn"])

    assert look(group, name, "hook", busy=False) == "as it is" and not protected()
    assert look(group, name, "hook", busy=True) == "protected" and protected()
    assert look(group, name, "hook", busy=True) == "as it is"
    group.set_instance_protection(AutoScalingGroupName="ecg-gpu", InstanceIds=[name], ProtectedFromScaleIn=False)
    assert look(group, name, "hook", busy=True) == "protected"
    assert look(group, name, "hook", busy=False) == "free" and not protected()
    assert look(group, "i-unknown", "hook", busy=True) == "in no group"


def test_an_instance_that_ends_is_held_while_a_job_runs() -> None:
    """The group waits for its hook: a busy instance says that it is alive, an idle one lets itself go."""
    said: list[tuple[str, dict[str, str]]] = []

    class Ending:
        """The service, as it answers for an instance that its hook holds."""

        def describe_auto_scaling_instances(self, InstanceIds: list[str]) -> dict[str, Any]:  # noqa: N803
            state = {"LifecycleState": "Terminating:Wait", "ProtectedFromScaleIn": False}
            return {"AutoScalingInstances": [{"AutoScalingGroupName": "ecg-gpu", **state}]}

        def __getattr__(self, name: str) -> Any:
            return lambda **given: said.append((name, given))

    held = {"LifecycleHookName": "ecg-drain", "AutoScalingGroupName": "ecg-gpu", "InstanceId": "i-1"}
    assert look(Ending(), "i-1", "ecg-drain", busy=True) == "held"
    assert look(Ending(), "i-1", "ecg-drain", busy=False) == "let go"
    assert said == [
        ("record_lifecycle_action_heartbeat", held),
        ("complete_lifecycle_action", {**held, "LifecycleActionResult": "CONTINUE"}),
    ]


def test_a_job_is_a_process_with_a_flow_run() -> None:
    """Processes that carry a flow run's id count as long as they live."""
    before = jobs()
    running = subprocess.Popen(
        [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PREFECT__FLOW_RUN_ID": "0"},
    )
    assert running.stdout
    running.stdout.readline()
    during = jobs()
    running.communicate()
    assert (during, jobs()) == (before + 1, before)
