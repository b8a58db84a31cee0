"""Keeps the auto-scaling group from ending a host while a job runs on it.

`python -m deployments.aws.protection` looks every few seconds: while a job runs, its instance is protected from
scale-in; when none does, it is not. An instance that is ending all the same (its group's lifecycle hook holds it) is
held until its jobs have ended. It remembers nothing, so whatever was killed, the next look puts it right. A job is a
process that Prefect gave a flow run to.
"""

import sys
import time
from pathlib import Path
from typing import Any

from ecg_audio.settings import Host

LOOK_S = 5.0
JOB = b"PREFECT__FLOW_RUN_ID="


def jobs(processes: Path = Path("/proc")) -> int:
    """How many processes of this machine (or container) carry a flow run."""
    found = 0
    for folder in processes.iterdir():
        if folder.name.isdecimal():
            try:
                environment = (folder / "environ").read_bytes()
            except OSError:
                continue  # gone by now, or another user's
            found += any(entry.startswith(JOB) for entry in environment.split(b"\0"))
    return found


def look(group: Any, instance_id: str, hook: str, *, busy: bool) -> str:
    """Put an instance's protection right; returns what was done.

    Args:
        group: boto3's auto-scaling client.
        instance_id: this instance.
        hook: the lifecycle hook that holds instances that end.
        busy: whether a job runs.
    """
    found = group.describe_auto_scaling_instances(InstanceIds=[instance_id])["AutoScalingInstances"]
    if not found:
        return "in no group"
    (instance,) = found
    name = instance["AutoScalingGroupName"]
    if instance["LifecycleState"] == "Terminating:Wait":
        held = {"LifecycleHookName": hook, "AutoScalingGroupName": name, "InstanceId": instance_id}
        if busy:
            group.record_lifecycle_action_heartbeat(**held)
            return "held"
        group.complete_lifecycle_action(**held, LifecycleActionResult="CONTINUE")
        return "let go"
    if instance["LifecycleState"] != "InService" or instance["ProtectedFromScaleIn"] == busy:
        return "as it is"
    group.set_instance_protection(AutoScalingGroupName=name, InstanceIds=[instance_id], ProtectedFromScaleIn=busy)
    return "protected" if busy else "free"


def main() -> int:
    """Look until the process is ended. `settings.Host` says who and by what."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    host = Host.read()
    instance_id, hook = host.instance_id, host.lifecycle_hook
    if not instance_id:
        sys.stderr.write(f"{Host.variable('instance_id')} is not set\n")
        return 2
    group = boto3.client("autoscaling")
    before = ""
    while True:
        try:
            done = look(group, instance_id, hook, busy=jobs() > 0)
        except (BotoCoreError, ClientError) as error:
            done = f"cannot ask: {error}"  # the next look may
        if done not in {before, "as it is"}:
            sys.stderr.write(f"{instance_id}: {done}\n")
        before = done
        time.sleep(LOOK_S)


if __name__ == "__main__":
    sys.exit(main())
