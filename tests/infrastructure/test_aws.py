"""What linters cannot know of the cloud templates: who may do what, who may come in, what is told of whom."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ecg_audio.delivery.cloudwatch import NAMESPACE, of_queue

AWS = Path(__file__).parent.parent.parent / "deployments" / "aws"
TEMPLATES = sorted(AWS.glob("*.yaml"))


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, which become {"Sub": ...}, {"Ref": ...} and so on."""


def _short_form(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {suffix: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", _short_form)


def template(name: str) -> dict[str, Any]:
    """A template."""
    found: dict[str, Any] = yaml.load((AWS / name).read_text(), Loader)
    return found


def of_type(kind: str) -> list[tuple[str, dict[str, Any]]]:
    """The properties of all resources of a type, with their names."""
    return [
        (f"{path.name} {name}", resource.get("Properties", {}))
        for path in TEMPLATES
        for name, resource in template(path.name)["Resources"].items()
        if isinstance(resource, dict) and resource["Type"] == kind
    ]


def statements(node: Any) -> Iterator[dict[str, Any]]:
    """All policy statements below a node."""
    if isinstance(node, dict):
        if "Effect" in node:
            yield node
        for value in node.values():
            yield from statements(value)
    elif isinstance(node, list):
        for value in node:
            yield from statements(value)


def test_roles_may_do_only_what_is_named() -> None:
    """No allowed action holds a wildcard, and only actions that have no resource are allowed on all."""
    unbound = {"ecr:GetAuthorizationToken", "cloudwatch:PutMetricData", "autoscaling:DescribeAutoScalingInstances"}
    allowed = [entry for _, role in of_type("AWS::IAM::Role") for entry in statements(role["Policies"])]
    assert len(allowed) >= 8
    for entry in allowed:
        actions = entry["Action"] if isinstance(entry["Action"], list) else [entry["Action"]]
        assert entry["Effect"] == "Allow" and not any("*" in action for action in actions), actions
        if entry["Resource"] == "*":
            assert set(actions) <= unbound, actions
    (metrics,) = [entry for entry in allowed if entry["Action"] == "cloudwatch:PutMetricData"]
    assert metrics["Condition"] == {"StringEquals": {"cloudwatch:namespace": NAMESPACE}}


def test_nobody_comes_in_from_outside() -> None:
    """No security group lets the world in, none opens SSH, hosts have no public address and no key."""
    groups = of_type("AWS::EC2::SecurityGroup")
    assert len(groups) == 2 and not of_type("AWS::EC2::SecurityGroupIngress")
    for name, group in groups:
        for rule in group.get("SecurityGroupIngress", []):
            assert rule["CidrIp"] == {"Ref": "Cidr"} and (rule["FromPort"], rule["ToPort"]) == (443, 443), name
    assert "SecurityGroupIngress" not in dict(groups)["workers.yaml HostGroup"]
    text = "".join(path.read_text() for path in TEMPLATES)
    assert "KeyName" not in text and "AssociatePublicIpAddress" not in text and "MapPublicIpOnLaunch" not in text


def test_hosts_are_hardened_and_on_gp3() -> None:
    """Metadata wants a token, disks are encrypted gp3."""
    ((_, host),) = of_type("AWS::EC2::LaunchTemplate")
    data = host["LaunchTemplateData"]
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert all(
        (disk["Ebs"]["VolumeType"], disk["Ebs"]["Encrypted"]) == ("gp3", True) for disk in data["BlockDeviceMappings"]
    )


def test_secrets_are_references() -> None:
    """No template holds a secret or takes one as a parameter: hosts fetch them by ARN when they start."""
    for path in TEMPLATES:
        for name, parameter in template(path.name)["Parameters"].items():
            if re.search("(?i)secret|password|token|key", name):
                assert name.endswith("SecretArn") and "secretsmanager" in parameter["AllowedPattern"]
    ((_, host),) = of_type("AWS::EC2::LaunchTemplate")
    script = host["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Sub"][0]
    assert "$(secret '${PrefectAuthSecretArn}')" in script and "umask 077" in script
    filled = re.sub(r"\$\{[\w:]+\}", "x", script)
    subprocess.run(["bash", "-n"], input=filled, text=True, check=True)


def test_the_bucket_is_private_and_ages() -> None:
    """Encrypted, closed, TLS alone; temporary things last a day, results move at 30 and 90 days and stay readable."""
    ((_, bucket),) = of_type("AWS::S3::Bucket")
    assert bucket["BucketEncryption"] and set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    ((_, policy),) = of_type("AWS::S3::BucketPolicy")
    (deny,) = statements(policy)
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert {rule["Prefix"]: rule["ExpirationInDays"] for name, rule in rules.items() if "temporary" in name} == {
        "cache/": 1,
        "videos/": 1,
    }
    assert [(move["StorageClass"], move["TransitionInDays"]) for move in rules["results"]["Transitions"]] == [
        ("STANDARD_IA", 30),
        ("GLACIER_IR", 90),
    ]


def test_hosts_follow_the_queue() -> None:
    """One to five g4dn or p3 hosts follow the metric that the service says, and end through a hook."""
    parameters = template("workers.yaml")["Parameters"]
    assert (parameters["MinHosts"]["Default"], parameters["MaxHosts"]["Default"]) == (1, 5)
    assert {"g4dn.xlarge", "p3.2xlarge"} <= set(parameters["InstanceType"]["AllowedValues"])
    ((_, policy),) = of_type("AWS::AutoScaling::ScalingPolicy")
    waiting = policy["TargetTrackingConfiguration"]["CustomizedMetricSpecification"]["Metrics"][0]["MetricStat"][
        "Metric"
    ]
    assert waiting == {"Namespace": NAMESPACE, "MetricName": of_queue(0)[0].name}
    ((_, group),) = of_type("AWS::AutoScaling::AutoScalingGroup")
    (hook,) = group["LifecycleHookSpecificationList"]
    assert hook["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
    ((_, host),) = of_type("AWS::EC2::LaunchTemplate")
    assert f"ECG_LIFECYCLE_HOOK={hook['LifecycleHookName']}" in str(host)


@pytest.mark.parametrize(
    ("metric", "comparison", "threshold"),
    [
        ("ErrorRate", "GreaterThanThreshold", 5),
        ("GPUUtilization", "LessThanThreshold", 30),
        ("MemoryUsage", "GreaterThanThreshold", 90),
        ("ProcessingTime", "GreaterThanThreshold", 300),
    ],
)
def test_somebody_is_told(metric: str, comparison: str, threshold: int) -> None:
    """Each figure that operators watch has its alarm, which tells a topic."""
    (alarm,) = [alarm for _, alarm in of_type("AWS::CloudWatch::Alarm") if alarm["MetricName"] == metric]
    assert (alarm["Namespace"], alarm["ComparisonOperator"], alarm["Threshold"]) == (NAMESPACE, comparison, threshold)
    assert alarm["AlarmActions"] == [{"Ref": "Topic"}]
