"""How each type of resource is made, changed and taken away through its service's API, and what refers to it.

What a reference gives is on each type's page under "Return values"
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from .calls import ServiceError
from .cloud import Cloud
from .conversion import parameters

Properties = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where, in which stack and as what a resource is made; ``token`` makes the name of what has none its own."""

    cloud: Cloud
    account: str
    region: str
    stack_name: str
    logical_id: str
    token: str

    def client(self, service: str) -> Any:
        """The service's client, as whoever launches the stack."""
        return self.cloud.client(service, account=self.account, region=self.region)

    def name(self, longest: int = 64) -> str:
        """A name as CloudFormation gives it.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
        """
        room = longest - len(self.token) - 2
        stack = self.stack_name[: max(1, room - min(len(self.logical_id), room // 2))].rstrip("-")
        return f"{stack}-{self.logical_id[: room - len(stack)]}-{self.token}"

    def arn(self, service: str, resource: str) -> str:
        """The ARN of what the service has here by this name."""
        return f"arn:{self.cloud.partition}:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True, kw_only=True)
class Made:
    """What was made: what ``Ref`` gives, and what ``Fn::GetAtt`` gives by attribute."""

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """What makes, changes and takes away; without ``update``, no property can be changed in place here."""

    create: Callable[[Place, Properties], Made]
    delete: Callable[[Place, Made, Properties], object]
    update: Callable[[Place, Made, Properties, Properties], Made] | None = None


def _without(properties: Properties, *names: str) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name not in names}


def _call(place: Place, service: str, operation: str, properties: Properties, **renamed: str) -> Any:
    """The answer of the operation, called with the properties; its name is botocore's of the client's method."""
    client = place.client(service)
    method = next(name for name, its in client.meta.method_to_api_mapping.items() if its == operation)
    return getattr(client, method)(**parameters(client, operation, properties, renamed=renamed))


def _nothing(_place: Place, made: Made, _old: Properties, _new: Properties) -> Made:
    """What cannot be told apart afterwards, such as a tag that the API takes when the resource is made."""
    return made


# EC2 ------------------------------------------------------------------------------------------------------------------


def _ec2(
    operation: str, kind: str, delete: str, *attributes: str, by: str | None = None, then: str | None = None
) -> ResourceType:
    """A resource of EC2 whose answer has it under ``kind``, with ``by`` as its ID."""
    key = by or f"{kind}Id"

    def create(place: Place, properties: Properties) -> Made:
        answer = _call(place, "ec2", operation, _without(properties, "Tags", *_LATER.get(operation, ())))
        made = answer[kind]
        client = place.client("ec2")
        if properties.get("Tags"):
            client.create_tags(Resources=[made[key]], Tags=_tags(properties["Tags"]))
        for name in _LATER.get(operation, ()):
            if name in properties:
                value = str(properties[name]).lower() == "true"
                getattr(client, then or "")(**{key: made[key], name: {"Value": value}})
        return Made(physical_id=made[key], attributes={name: made.get(name) for name in (key, *attributes)})

    def take_away(place: Place, made: Made, _properties: Properties) -> None:
        getattr(place.client("ec2"), delete)(**{key: made.physical_id})

    return ResourceType(create=create, delete=take_away, update=_nothing)


# What EC2 sets after a resource is made, by the operation that makes it.
_LATER = {
    "CreateVpc": ("EnableDnsHostnames", "EnableDnsSupport"),
    "CreateSubnet": ("MapPublicIpOnLaunch",),
}


def _tags(tags: list[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [{"Key": tag["Key"], "Value": str(tag["Value"])} for tag in tags]


def _create_vpc(place: Place, properties: Properties) -> Made:
    made = _VPC.create(place, properties)
    (vpc,) = place.client("ec2").describe_vpcs(VpcIds=[made.physical_id])["Vpcs"]
    groups = place.client("ec2").describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [made.physical_id]}])
    default = groups["SecurityGroups"][0]["GroupId"]
    return Made(
        physical_id=made.physical_id,
        attributes={"VpcId": made.physical_id, "CidrBlock": vpc["CidrBlock"], "DefaultSecurityGroup": default},
    )


_VPC = _ec2("CreateVpc", "Vpc", "delete_vpc", "CidrBlock", then="modify_vpc_attribute")


def _create_attachment(place: Place, properties: Properties) -> Made:
    place.client("ec2").attach_internet_gateway(
        InternetGatewayId=properties["InternetGatewayId"], VpcId=properties["VpcId"]
    )
    return Made(physical_id=f"IGW|{properties['VpcId']}", attributes={"AttachmentType": "IGW"})


def _delete_attachment(place: Place, _made: Made, properties: Properties) -> None:
    place.client("ec2").detach_internet_gateway(
        InternetGatewayId=properties["InternetGatewayId"], VpcId=properties["VpcId"]
    )


def _create_route(place: Place, properties: Properties) -> Made:
    _call(place, "ec2", "CreateRoute", properties)
    destination = properties["DestinationCidrBlock"]
    return Made(physical_id=f"{properties['RouteTableId']}|{destination}", attributes={"CidrBlock": destination})


def _delete_route(place: Place, _made: Made, properties: Properties) -> None:
    place.client("ec2").delete_route(
        RouteTableId=properties["RouteTableId"], DestinationCidrBlock=properties["DestinationCidrBlock"]
    )


def _create_association(place: Place, properties: Properties) -> Made:
    answer = _call(place, "ec2", "AssociateRouteTable", properties)
    return Made(physical_id=answer["AssociationId"], attributes={"Id": answer["AssociationId"]})


def _permissions(rules: list[Properties]) -> list[dict[str, Any]]:
    """Rules of a security group as EC2 takes them."""
    result = []
    for rule in rules:
        said = {"Description": rule["Description"]} if "Description" in rule else {}
        permission: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
        permission |= {name: int(rule[name]) for name in ("FromPort", "ToPort") if name in rule}
        if "CidrIp" in rule:
            permission["IpRanges"] = [{"CidrIp": rule["CidrIp"], **said}]
        group = rule.get("SourceSecurityGroupId", rule.get("DestinationSecurityGroupId"))
        if group is not None:
            permission["UserIdGroupPairs"] = [{"GroupId": group, **said}]
        result.append(permission)
    return result


def _create_security_group(place: Place, properties: Properties) -> Made:
    client = place.client("ec2")
    name = properties.get("GroupName", place.name(255))
    group = client.create_security_group(
        GroupName=name, Description=properties["GroupDescription"], VpcId=properties["VpcId"]
    )["GroupId"]
    if properties.get("Tags"):
        client.create_tags(Resources=[group], Tags=_tags(properties["Tags"]))
    if properties.get("SecurityGroupIngress"):
        client.authorize_security_group_ingress(
            GroupId=group, IpPermissions=_permissions(properties["SecurityGroupIngress"])
        )
    if properties.get("SecurityGroupEgress"):
        # What EC2 lets out by itself is taken away where the template says what goes out.
        client.revoke_security_group_egress(
            GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        )
        client.authorize_security_group_egress(
            GroupId=group, IpPermissions=_permissions(properties["SecurityGroupEgress"])
        )
    return Made(physical_id=group, attributes={"GroupId": group, "VpcId": properties["VpcId"]})


def _group_rule(direction: str) -> ResourceType:
    def create(place: Place, properties: Properties) -> Made:
        method = getattr(place.client("ec2"), f"authorize_security_group_{direction}")
        answer = method(GroupId=properties["GroupId"], IpPermissions=_permissions([properties]))
        return Made(physical_id=answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def delete(place: Place, _made: Made, properties: Properties) -> None:
        method = getattr(place.client("ec2"), f"revoke_security_group_{direction}")
        method(GroupId=properties["GroupId"], IpPermissions=_permissions([properties]))

    return ResourceType(create=create, delete=delete)


def _create_launch_template(place: Place, properties: Properties) -> Made:
    named = {"LaunchTemplateName": place.name(128), **properties}
    made = _call(place, "ec2", "CreateLaunchTemplate", named)["LaunchTemplate"]
    versions = {"LatestVersionNumber": str(made["LatestVersionNumber"]), "DefaultVersionNumber": "1"}
    return Made(
        physical_id=made["LaunchTemplateId"], attributes={"LaunchTemplateId": made["LaunchTemplateId"], **versions}
    )


def _delete_launch_template(place: Place, made: Made, _properties: Properties) -> None:
    place.client("ec2").delete_launch_template(LaunchTemplateId=made.physical_id)


# Load balancing -------------------------------------------------------------------------------------------------------


def _create_load_balancer(place: Place, properties: Properties) -> Made:
    its = {"Name": place.name(32), **_without(properties, "LoadBalancerAttributes")}
    (made,) = _call(place, "elbv2", "CreateLoadBalancer", its)["LoadBalancers"]
    arn = made["LoadBalancerArn"]
    _set_attributes(place, "modify_load_balancer_attributes", "LoadBalancerArn", arn, properties)
    full = arn.partition("loadbalancer/")[2]
    names = {"DNSName": made["DNSName"], "LoadBalancerName": made["LoadBalancerName"], "LoadBalancerFullName": full}
    return Made(
        physical_id=arn,
        attributes={
            **names,
            "LoadBalancerArn": arn,
            "CanonicalHostedZoneID": made["CanonicalHostedZoneId"],
            "SecurityGroups": made.get("SecurityGroups", []),
        },
    )


def _set_attributes(place: Place, method: str, key: str, arn: str, properties: Properties) -> None:
    attributes = properties.get("LoadBalancerAttributes", properties.get("TargetGroupAttributes", []))
    if attributes:
        values = [{"Key": each["Key"], "Value": str(each["Value"])} for each in attributes]
        getattr(place.client("elbv2"), method)(**{key: arn, "Attributes": values})


def _update_load_balancer(place: Place, made: Made, _old: Properties, new: Properties) -> Made:
    _set_attributes(place, "modify_load_balancer_attributes", "LoadBalancerArn", made.physical_id, new)
    return made


def _delete_load_balancer(place: Place, made: Made, _properties: Properties) -> None:
    place.client("elbv2").delete_load_balancer(LoadBalancerArn=made.physical_id)


def _create_target_group(place: Place, properties: Properties) -> Made:
    its = {"Name": place.name(32), **_without(properties, "TargetGroupAttributes")}
    (made,) = _call(place, "elbv2", "CreateTargetGroup", its)["TargetGroups"]
    arn = made["TargetGroupArn"]
    _set_attributes(place, "modify_target_group_attributes", "TargetGroupArn", arn, properties)
    full = arn.rpartition(":")[2]
    return Made(
        physical_id=arn,
        attributes={"TargetGroupArn": arn, "TargetGroupFullName": full, "TargetGroupName": made["TargetGroupName"]},
    )


def _update_target_group(place: Place, made: Made, _old: Properties, new: Properties) -> Made:
    client = place.client("elbv2")
    taken = client.meta.service_model.operation_model("ModifyTargetGroup").input_shape.members
    its = {name: value for name, value in new.items() if name in taken}
    _call(place, "elbv2", "ModifyTargetGroup", {"TargetGroupArn": made.physical_id, **its})
    _set_attributes(place, "modify_target_group_attributes", "TargetGroupArn", made.physical_id, new)
    return made


def _delete_target_group(place: Place, made: Made, _properties: Properties) -> None:
    place.client("elbv2").delete_target_group(TargetGroupArn=made.physical_id)


def _create_listener(place: Place, properties: Properties) -> Made:
    (made,) = _call(place, "elbv2", "CreateListener", properties)["Listeners"]
    return Made(physical_id=made["ListenerArn"], attributes={"ListenerArn": made["ListenerArn"]})


def _update_listener(place: Place, made: Made, _old: Properties, new: Properties) -> Made:
    its = _without(new, "LoadBalancerArn", "Tags")
    _call(place, "elbv2", "ModifyListener", {"ListenerArn": made.physical_id, **its})
    return made


def _delete_listener(place: Place, made: Made, _properties: Properties) -> None:
    place.client("elbv2").delete_listener(ListenerArn=made.physical_id)


# ECS ------------------------------------------------------------------------------------------------------------------


def _create_cluster(place: Place, properties: Properties) -> Made:
    its = {"ClusterName": place.name(255), **properties}
    made = _call(place, "ecs", "CreateCluster", its, ClusterSettings="settings")["cluster"]
    return Made(physical_id=made["clusterName"], attributes={"Arn": made["clusterArn"]})


def _update_cluster(place: Place, made: Made, _old: Properties, new: Properties) -> Made:
    settings = new.get("ClusterSettings", [])
    _call(place, "ecs", "UpdateCluster", {"Cluster": made.physical_id, "Settings": settings})
    return made


def _delete_cluster(place: Place, made: Made, _properties: Properties) -> None:
    place.client("ecs").delete_cluster(cluster=made.physical_id)


def _create_task_definition(place: Place, properties: Properties) -> Made:
    its = {"Family": place.name(255), **properties}
    made = _call(place, "ecs", "RegisterTaskDefinition", its)["taskDefinition"]
    return Made(physical_id=made["taskDefinitionArn"], attributes={"TaskDefinitionArn": made["taskDefinitionArn"]})


def _delete_task_definition(place: Place, made: Made, _properties: Properties) -> None:
    place.client("ecs").deregister_task_definition(taskDefinition=made.physical_id)


def _create_service(place: Place, properties: Properties) -> Made:
    # CloudFormation starts one task where no number is given.
    its = {"ServiceName": place.name(255), "DesiredCount": 1, **properties}
    made = _call(place, "ecs", "CreateService", its)["service"]
    waiter = place.client("ecs").get_waiter("services_stable")
    waiter.wait(
        cluster=properties["Cluster"], services=[made["serviceName"]], WaiterConfig={"Delay": 1, "MaxAttempts": 600}
    )
    return Made(
        physical_id=made["serviceArn"], attributes={"Name": made["serviceName"], "ServiceArn": made["serviceArn"]}
    )


def _update_service(place: Place, made: Made, old: Properties, new: Properties) -> Made:
    client = place.client("ecs")
    taken = {name.lower() for name in client.meta.service_model.operation_model("UpdateService").input_shape.members}
    its = {name: value for name, value in new.items() if name.lower() in taken and (value != old.get(name))}
    its |= {"Cluster": new["Cluster"], "Service": made.physical_id, "TaskDefinition": new["TaskDefinition"]}
    _call(place, "ecs", "UpdateService", its)
    client.get_waiter("services_stable").wait(
        cluster=new["Cluster"], services=[made.physical_id], WaiterConfig={"Delay": 1, "MaxAttempts": 600}
    )
    return made


def _delete_service(place: Place, made: Made, properties: Properties) -> None:
    place.client("ecs").delete_service(cluster=properties["Cluster"], service=made.physical_id, force=True)


def _create_capacity_provider(place: Place, properties: Properties) -> Made:
    its = {"Name": place.name(255), **properties}
    made = _call(place, "ecs", "CreateCapacityProvider", its)["capacityProvider"]
    return Made(physical_id=made["name"], attributes={"Arn": made["capacityProviderArn"]})


def _delete_capacity_provider(place: Place, made: Made, _properties: Properties) -> None:
    place.client("ecs").delete_capacity_provider(capacityProvider=made.physical_id)


def _create_capacity_association(place: Place, properties: Properties) -> Made:
    _call(place, "ecs", "PutClusterCapacityProviders", properties)
    return Made(physical_id=properties["Cluster"])


def _delete_capacity_association(place: Place, _made: Made, properties: Properties) -> None:
    place.client("ecs").put_cluster_capacity_providers(
        cluster=properties["Cluster"], capacityProviders=[], defaultCapacityProviderStrategy=[]
    )


# Scaling --------------------------------------------------------------------------------------------------------------


def _create_scaling_group(place: Place, properties: Properties) -> Made:
    its = {"AutoScalingGroupName": place.name(255), **properties}
    its["VPCZoneIdentifier"] = ",".join(its["VPCZoneIdentifier"])
    _call(place, "autoscaling", "CreateAutoScalingGroup", its)
    name = its["AutoScalingGroupName"]
    (group,) = place.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])[
        "AutoScalingGroups"
    ]
    return Made(physical_id=name, attributes={"AutoScalingGroupARN": group["AutoScalingGroupARN"]})


def _update_scaling_group(place: Place, made: Made, _old: Properties, new: Properties) -> Made:
    its = {"AutoScalingGroupName": made.physical_id, **_without(new, "Tags")}
    its["VPCZoneIdentifier"] = ",".join(its["VPCZoneIdentifier"])
    _call(place, "autoscaling", "UpdateAutoScalingGroup", its)
    return made


def _delete_scaling_group(place: Place, made: Made, _properties: Properties) -> None:
    place.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=made.physical_id, ForceDelete=True)


def _create_hook(place: Place, properties: Properties) -> Made:
    its = {"LifecycleHookName": place.name(255), **properties}
    _call(place, "autoscaling", "PutLifecycleHook", its)
    return Made(physical_id=its["LifecycleHookName"])


def _delete_hook(place: Place, made: Made, properties: Properties) -> None:
    place.client("autoscaling").delete_lifecycle_hook(
        LifecycleHookName=made.physical_id, AutoScalingGroupName=properties["AutoScalingGroupName"]
    )


def _create_scalable_target(place: Place, properties: Properties) -> Made:
    _call(place, "application-autoscaling", "RegisterScalableTarget", properties)
    parts = (properties["ResourceId"], properties["ScalableDimension"], properties["ServiceNamespace"])
    return Made(physical_id="|".join(parts), attributes={"Id": "|".join(parts)})


def _update_scalable_target(place: Place, made: Made, _old: Properties, new: Properties) -> Made:
    _call(place, "application-autoscaling", "RegisterScalableTarget", _without(new, "Tags"))
    return made


def _delete_scalable_target(place: Place, _made: Made, properties: Properties) -> None:
    its = {name: properties[name] for name in ("ResourceId", "ScalableDimension", "ServiceNamespace")}
    place.client("application-autoscaling").deregister_scalable_target(**its)


def _scaled(properties: Properties) -> dict[str, Any]:
    """The policy's properties, with those of the target that it names."""
    its = _without(properties, "ScalingTargetId")
    if "ScalingTargetId" in properties:
        names = ("ResourceId", "ScalableDimension", "ServiceNamespace")
        its |= dict(zip(names, properties["ScalingTargetId"].split("|"), strict=True))
    return its


def _create_scaling_policy(place: Place, properties: Properties) -> Made:
    answer = _call(place, "application-autoscaling", "PutScalingPolicy", _scaled(properties))
    return Made(physical_id=answer["PolicyARN"], attributes={"Arn": answer["PolicyARN"]})


def _update_scaling_policy(place: Place, made: Made, _old: Properties, new: Properties) -> Made:
    _call(place, "application-autoscaling", "PutScalingPolicy", _scaled(new))
    return made


def _delete_scaling_policy(place: Place, _made: Made, properties: Properties) -> None:
    its = _scaled(properties)
    names = ("PolicyName", "ResourceId", "ScalableDimension", "ServiceNamespace")
    place.client("application-autoscaling").delete_scaling_policy(**{name: its[name] for name in names})


# Roles ----------------------------------------------------------------------------------------------------------------


def _create_role(place: Place, properties: Properties) -> Made:
    its = {"RoleName": place.name(64), **_without(properties, "Policies", "ManagedPolicyArns")}
    made = _call(place, "iam", "CreateRole", its)["Role"]
    _put_policies(place, made["RoleName"], {}, properties)
    return Made(physical_id=made["RoleName"], attributes={"Arn": made["Arn"], "RoleId": made["RoleId"]})


def _put_policies(place: Place, role: str, old: Properties, new: Properties) -> None:
    iam = place.client("iam")
    wanted = {policy["PolicyName"]: json.dumps(policy["PolicyDocument"]) for policy in new.get("Policies", [])}
    for policy in old.get("Policies", []):
        if policy["PolicyName"] not in wanted:
            iam.delete_role_policy(RoleName=role, PolicyName=policy["PolicyName"])
    for name, document in wanted.items():
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)
    attached, gone = set(new.get("ManagedPolicyArns", [])), set(old.get("ManagedPolicyArns", []))
    for arn in sorted(gone - attached):
        iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    for arn in sorted(attached - gone):
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)


def _update_role(place: Place, made: Made, old: Properties, new: Properties) -> Made:
    iam = place.client("iam")
    document = json.dumps(new["AssumeRolePolicyDocument"])
    iam.update_assume_role_policy(RoleName=made.physical_id, PolicyDocument=document)
    if new.get("Description") != old.get("Description"):
        iam.update_role(RoleName=made.physical_id, Description=new.get("Description", ""))
    _put_policies(place, made.physical_id, old, new)
    return made


def _delete_role(place: Place, made: Made, properties: Properties) -> None:
    _put_policies(place, made.physical_id, properties, {})
    place.client("iam").delete_role(RoleName=made.physical_id)


def _create_instance_profile(place: Place, properties: Properties) -> Made:
    iam, name = place.client("iam"), properties.get("InstanceProfileName", place.name(128))
    made = iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    for role in properties["Roles"]:
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)
    return Made(physical_id=name, attributes={"Arn": made["Arn"]})


def _delete_instance_profile(place: Place, made: Made, properties: Properties) -> None:
    iam = place.client("iam")
    for role in properties["Roles"]:
        iam.remove_role_from_instance_profile(InstanceProfileName=made.physical_id, RoleName=role)
    iam.delete_instance_profile(InstanceProfileName=made.physical_id)


# Storage, logs, messages ----------------------------------------------------------------------------------------------

# What is set on a bucket after it is made: the property, the operation, and the parameter that takes it.
_OF_BUCKET = (
    ("VersioningConfiguration", "PutBucketVersioning", "VersioningConfiguration"),
    ("PublicAccessBlockConfiguration", "PutPublicAccessBlock", "PublicAccessBlockConfiguration"),
)


def _create_bucket(place: Place, properties: Properties) -> Made:
    name = properties.get("BucketName", place.name(63).lower())
    place_of = {} if place.region == "us-east-1" else {"LocationConstraint": place.region}
    settings = {"CreateBucketConfiguration": place_of} if place_of else {}
    for bucket in place.client("s3").list_buckets()["Buckets"]:
        if bucket["Name"] == name:
            raise ServiceError("BucketAlreadyOwnedByYou", f"{name} already exists", 409)
    place.client("s3").create_bucket(Bucket=name, **settings)
    _set_bucket(place, name, properties)
    suffix = place.cloud.url_suffix
    names = {"Arn": f"arn:{place.cloud.partition}:s3:::{name}", "DomainName": f"{name}.s3.{suffix}"}
    return Made(physical_id=name, attributes={**names, "RegionalDomainName": f"{name}.s3.{place.region}.{suffix}"})


def _set_bucket(place: Place, name: str, properties: Properties) -> None:
    client = place.client("s3")
    for key, operation, parameter in _OF_BUCKET:
        if key in properties:
            _call(place, "s3", operation, {"Bucket": name, parameter: properties[key]})
    if "BucketEncryption" in properties:
        rules = [
            {
                **({"BucketKeyEnabled": rule["BucketKeyEnabled"]} if "BucketKeyEnabled" in rule else {}),
                "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
            }
            for rule in properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        ]
        configuration = {"Rules": rules}
        _call(place, "s3", "PutBucketEncryption", {"Bucket": name, "ServerSideEncryptionConfiguration": configuration})
    if "OwnershipControls" in properties:
        _call(
            place,
            "s3",
            "PutBucketOwnershipControls",
            {"Bucket": name, "OwnershipControls": properties["OwnershipControls"]},
        )
    if "LifecycleConfiguration" in properties:
        client.put_bucket_lifecycle_configuration(
            Bucket=name,
            LifecycleConfiguration={"Rules": list(map(_lifecycle, properties["LifecycleConfiguration"]["Rules"]))},
        )
    if properties.get("Tags"):
        client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": _tags(properties["Tags"])})


def _lifecycle(rule: Properties) -> dict[str, Any]:
    """A rule as S3 takes it: https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html."""
    result: dict[str, Any] = {"Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "Id" in rule:
        result["ID"] = rule["Id"]
    if "ExpirationInDays" in rule:
        result["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    if "AbortIncompleteMultipartUpload" in rule:
        days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        result["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": int(days)}
    if "NoncurrentVersionExpiration" in rule:
        days = rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
        result["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(days)}
    known = {
        "Status",
        "Prefix",
        "Id",
        "ExpirationInDays",
        "AbortIncompleteMultipartUpload",
        "NoncurrentVersionExpiration",
    }
    if unknown := sorted(set(rule) - known):
        raise ServiceError("ValidationException", f"a lifecycle rule with {', '.join(unknown)} cannot be rehearsed")
    return result


def _update_bucket(place: Place, made: Made, _old: Properties, new: Properties) -> Made:
    _set_bucket(place, made.physical_id, new)
    return made


def _delete_bucket(place: Place, made: Made, _properties: Properties) -> None:
    place.client("s3").delete_bucket(Bucket=made.physical_id)


def _create_bucket_policy(place: Place, properties: Properties) -> Made:
    place.client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=json.dumps(properties["PolicyDocument"]))
    return Made(physical_id=properties["Bucket"])


def _update_bucket_policy(place: Place, _made: Made, _old: Properties, new: Properties) -> Made:
    return _create_bucket_policy(place, new)


def _delete_bucket_policy(place: Place, _made: Made, properties: Properties) -> None:
    place.client("s3").delete_bucket_policy(Bucket=properties["Bucket"])


def _create_log_group(place: Place, properties: Properties) -> Made:
    name = properties.get("LogGroupName", place.name(512))
    its = {"LogGroupName": name, **_without(properties, "RetentionInDays")}
    _call(place, "logs", "CreateLogGroup", its)
    if "RetentionInDays" in properties:
        place.client("logs").put_retention_policy(logGroupName=name, retentionInDays=int(properties["RetentionInDays"]))
    return Made(physical_id=name, attributes={"Arn": place.arn("logs", f"log-group:{name}:*")})


def _update_log_group(place: Place, made: Made, _old: Properties, new: Properties) -> Made:
    name, client = made.physical_id, place.client("logs")
    if "RetentionInDays" in new:
        client.put_retention_policy(logGroupName=name, retentionInDays=int(new["RetentionInDays"]))
    else:
        client.delete_retention_policy(logGroupName=name)
    return made


def _delete_log_group(place: Place, made: Made, _properties: Properties) -> None:
    place.client("logs").delete_log_group(logGroupName=made.physical_id)


def _create_topic(place: Place, properties: Properties) -> Made:
    name = properties.get("TopicName", place.name(256))
    client = place.client("sns")
    arn = place.arn("sns", name)
    if arn in {topic["TopicArn"] for topic in client.list_topics()["Topics"]}:
        raise ServiceError("AlreadyExists", f"{name} already exists")
    attributes = {"KmsMasterKeyId": properties["KmsMasterKeyId"]} if "KmsMasterKeyId" in properties else {}
    client.create_topic(Name=name, Attributes=attributes, Tags=_tags(properties.get("Tags", [])))
    return Made(physical_id=arn, attributes={"TopicArn": arn, "TopicName": name})


def _update_topic(place: Place, made: Made, _old: Properties, new: Properties) -> Made:
    place.client("sns").set_topic_attributes(
        TopicArn=made.physical_id, AttributeName="KmsMasterKeyId", AttributeValue=new.get("KmsMasterKeyId", "")
    )
    return made


def _delete_topic(place: Place, made: Made, _properties: Properties) -> None:
    place.client("sns").delete_topic(TopicArn=made.physical_id)


def _create_subscription(place: Place, properties: Properties) -> Made:
    arn = _call(place, "sns", "Subscribe", {**properties, "ReturnSubscriptionArn": True})["SubscriptionArn"]
    return Made(physical_id=arn, attributes={"Arn": arn})


def _delete_subscription(place: Place, made: Made, _properties: Properties) -> None:
    place.client("sns").unsubscribe(SubscriptionArn=made.physical_id)


# The pipeline's own ---------------------------------------------------------------------------------------------------


def _create_images(place: Place, properties: Properties) -> Made:
    name = properties.get("RepositoryName", place.name(256).lower())
    its = {"RepositoryName": name, **_without(properties, "LifecyclePolicy", "RepositoryPolicyText")}
    made = _call(place, "ecr", "CreateRepository", its)["repository"]
    _put_lifecycle(place, name, properties)
    return Made(physical_id=name, attributes={"Arn": made["repositoryArn"], "RepositoryUri": made["repositoryUri"]})


def _put_lifecycle(place: Place, name: str, properties: Properties) -> None:
    text = properties.get("LifecyclePolicy", {}).get("LifecyclePolicyText")
    if text is not None:
        place.client("ecr").put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text)


def _update_images(place: Place, made: Made, old: Properties, new: Properties) -> Made:
    client, name = place.client("ecr"), made.physical_id
    if new.get("ImageTagMutability") != old.get("ImageTagMutability"):
        client.put_image_tag_mutability(
            repositoryName=name, imageTagMutability=new.get("ImageTagMutability", "MUTABLE")
        )
    if new.get("ImageScanningConfiguration") != old.get("ImageScanningConfiguration"):
        scan = new.get("ImageScanningConfiguration", {"ScanOnPush": False})
        _call(
            place, "ecr", "PutImageScanningConfiguration", {"RepositoryName": name, "ImageScanningConfiguration": scan}
        )
    if "LifecyclePolicy" in old and "LifecyclePolicy" not in new:
        client.delete_lifecycle_policy(repositoryName=name)
    _put_lifecycle(place, name, new)
    return made


def _delete_images(place: Place, made: Made, _properties: Properties) -> None:
    place.client("ecr").delete_repository(repositoryName=made.physical_id)


def _create_repository(place: Place, properties: Properties) -> Made:
    name = properties["RepositoryName"]
    made = _call(place, "codecommit", "CreateRepository", _without(properties, "Code"))["repositoryMetadata"]
    code = properties.get("Code")
    if code is not None and place.cloud.first_commit is not None:
        where = {"Bucket": code["S3"]["Bucket"], "Key": code["S3"]["Key"]}
        archive = place.client("s3").get_object(**where)["Body"].read()
        place.cloud.first_commit(place.account, place.region, name, code.get("BranchName", "main"), archive)
    attributes = {"Arn": made["Arn"], "Name": name, "CloneUrlHttp": made["cloneUrlHttp"]}
    return Made(physical_id=made["repositoryId"], attributes=attributes)


def _delete_repository(place: Place, _made: Made, properties: Properties) -> None:
    place.client("codecommit").delete_repository(repositoryName=properties["RepositoryName"])


def _project(place: Place, properties: Properties) -> dict[str, Any]:
    return parameters(place.client("codebuild"), "CreateProject", properties)


def _create_project(place: Place, properties: Properties) -> Made:
    its = {"Name": place.name(255), **properties}
    made = place.client("codebuild").create_project(**_project(place, its))["project"]
    return Made(physical_id=made["name"], attributes={"Arn": made["arn"]})


def _update_project(place: Place, made: Made, _old: Properties, new: Properties) -> Made:
    place.client("codebuild").update_project(**{**_project(place, new), "name": made.physical_id})
    return made


def _delete_project(place: Place, made: Made, _properties: Properties) -> None:
    place.client("codebuild").delete_project(name=made.physical_id)


def _declaration(place: Place, properties: Properties, name: str) -> dict[str, Any]:
    """The pipeline as its API takes it."""
    client = place.client("codepipeline")
    its = {"Name": name, **_without(properties, "Tags", "RestartExecutionOnUpdate", "DisableInboundStageTransitions")}
    return dict(parameters(client, "CreatePipeline", {"Pipeline": its})["pipeline"])


def _create_pipeline(place: Place, properties: Properties) -> Made:
    name = properties.get("Name", place.name(100))
    tags = [{"key": tag["Key"], "value": str(tag["Value"])} for tag in properties.get("Tags", [])]
    client = place.client("codepipeline")
    client.create_pipeline(pipeline=_declaration(place, properties, name), **({"tags": tags} if tags else {}))
    return Made(physical_id=name, attributes={"Version": "1"})


def _update_pipeline(place: Place, made: Made, _old: Properties, new: Properties) -> Made:
    answer = place.client("codepipeline").update_pipeline(pipeline=_declaration(place, new, made.physical_id))
    return Made(physical_id=made.physical_id, attributes={"Version": str(answer["pipeline"]["version"])})


def _delete_pipeline(place: Place, made: Made, _properties: Properties) -> None:
    place.client("codepipeline").delete_pipeline(name=made.physical_id)


def _create_rule(place: Place, properties: Properties) -> Made:
    name = properties.get("Name", place.name(64))
    client = place.client("events")
    if any(rule["Name"] == name for rule in client.list_rules(NamePrefix=name)["Rules"]):
        raise ServiceError("ResourceAlreadyExistsException", f"{name} already exists")
    return _put_rule(place, name, properties)


def _put_rule(place: Place, name: str, properties: Properties) -> Made:
    answer = _call(place, "events", "PutRule", {"Name": name, **_without(properties, "Targets")})
    if properties.get("Targets"):
        _call(place, "events", "PutTargets", {"Rule": name, "Targets": properties["Targets"]})
    return Made(physical_id=name, attributes={"Arn": answer["RuleArn"]})


def _update_rule(place: Place, made: Made, old: Properties, new: Properties) -> Made:
    kept = {target["Id"] for target in new.get("Targets", [])}
    gone = [target["Id"] for target in old.get("Targets", []) if target["Id"] not in kept]
    if gone:
        place.client("events").remove_targets(Rule=made.physical_id, Ids=gone)
    return _put_rule(place, made.physical_id, _without(new, "Name"))


def _delete_rule(place: Place, made: Made, properties: Properties) -> None:
    client = place.client("events")
    if properties.get("Targets"):
        client.remove_targets(Rule=made.physical_id, Ids=[target["Id"] for target in properties["Targets"]])
    client.delete_rule(Name=made.physical_id)


def _create_connection(place: Place, properties: Properties) -> Made:
    arn = place.arn("codeconnections", f"connection/{place.token}")
    return Made(physical_id=arn, attributes={"ConnectionArn": arn, "ConnectionStatus": "PENDING", **properties})


def _gone(_place: Place, _made: Made, _properties: Properties) -> None:
    """Nothing is left to take away."""


_GATEWAY = _ec2("CreateInternetGateway", "InternetGateway", "delete_internet_gateway")

TYPES: Mapping[str, ResourceType] = MappingProxyType(
    {
        "AWS::ApplicationAutoScaling::ScalableTarget": ResourceType(
            create=_create_scalable_target, update=_update_scalable_target, delete=_delete_scalable_target
        ),
        "AWS::ApplicationAutoScaling::ScalingPolicy": ResourceType(
            create=_create_scaling_policy, update=_update_scaling_policy, delete=_delete_scaling_policy
        ),
        "AWS::AutoScaling::AutoScalingGroup": ResourceType(
            create=_create_scaling_group, update=_update_scaling_group, delete=_delete_scaling_group
        ),
        "AWS::AutoScaling::LifecycleHook": ResourceType(create=_create_hook, delete=_delete_hook),
        "AWS::CodeBuild::Project": ResourceType(create=_create_project, update=_update_project, delete=_delete_project),
        "AWS::CodeCommit::Repository": ResourceType(
            create=_create_repository, update=_nothing, delete=_delete_repository
        ),
        "AWS::CodeConnections::Connection": ResourceType(create=_create_connection, update=_nothing, delete=_gone),
        "AWS::CodePipeline::Pipeline": ResourceType(
            create=_create_pipeline, update=_update_pipeline, delete=_delete_pipeline
        ),
        "AWS::EC2::InternetGateway": _GATEWAY,
        "AWS::EC2::LaunchTemplate": ResourceType(create=_create_launch_template, delete=_delete_launch_template),
        "AWS::EC2::Route": ResourceType(create=_create_route, delete=_delete_route),
        "AWS::EC2::RouteTable": _ec2("CreateRouteTable", "RouteTable", "delete_route_table"),
        "AWS::EC2::SecurityGroup": ResourceType(
            create=_create_security_group,
            delete=lambda place, made, _: place.client("ec2").delete_security_group(GroupId=made.physical_id),
        ),
        "AWS::EC2::SecurityGroupEgress": _group_rule("egress"),
        "AWS::EC2::SecurityGroupIngress": _group_rule("ingress"),
        "AWS::EC2::Subnet": _ec2(
            "CreateSubnet", "Subnet", "delete_subnet", "AvailabilityZone", "VpcId", then="modify_subnet_attribute"
        ),
        "AWS::EC2::SubnetRouteTableAssociation": ResourceType(
            create=_create_association,
            delete=lambda place, made, _: place.client("ec2").disassociate_route_table(AssociationId=made.physical_id),
        ),
        "AWS::EC2::VPC": ResourceType(create=_create_vpc, update=_nothing, delete=_VPC.delete),
        "AWS::EC2::VPCGatewayAttachment": ResourceType(create=_create_attachment, delete=_delete_attachment),
        "AWS::ECR::Repository": ResourceType(create=_create_images, update=_update_images, delete=_delete_images),
        "AWS::ECS::CapacityProvider": ResourceType(create=_create_capacity_provider, delete=_delete_capacity_provider),
        "AWS::ECS::Cluster": ResourceType(create=_create_cluster, update=_update_cluster, delete=_delete_cluster),
        "AWS::ECS::ClusterCapacityProviderAssociations": ResourceType(
            create=_create_capacity_association, delete=_delete_capacity_association
        ),
        "AWS::ECS::Service": ResourceType(create=_create_service, update=_update_service, delete=_delete_service),
        "AWS::ECS::TaskDefinition": ResourceType(create=_create_task_definition, delete=_delete_task_definition),
        "AWS::ElasticLoadBalancingV2::Listener": ResourceType(
            create=_create_listener, update=_update_listener, delete=_delete_listener
        ),
        "AWS::ElasticLoadBalancingV2::LoadBalancer": ResourceType(
            create=_create_load_balancer, update=_update_load_balancer, delete=_delete_load_balancer
        ),
        "AWS::ElasticLoadBalancingV2::TargetGroup": ResourceType(
            create=_create_target_group, update=_update_target_group, delete=_delete_target_group
        ),
        "AWS::Events::Rule": ResourceType(create=_create_rule, update=_update_rule, delete=_delete_rule),
        "AWS::IAM::InstanceProfile": ResourceType(create=_create_instance_profile, delete=_delete_instance_profile),
        "AWS::IAM::Role": ResourceType(create=_create_role, update=_update_role, delete=_delete_role),
        "AWS::Logs::LogGroup": ResourceType(
            create=_create_log_group, update=_update_log_group, delete=_delete_log_group
        ),
        "AWS::S3::Bucket": ResourceType(create=_create_bucket, update=_update_bucket, delete=_delete_bucket),
        "AWS::S3::BucketPolicy": ResourceType(
            create=_create_bucket_policy, update=_update_bucket_policy, delete=_delete_bucket_policy
        ),
        "AWS::SNS::Subscription": ResourceType(create=_create_subscription, delete=_delete_subscription),
        "AWS::SNS::Topic": ResourceType(create=_create_topic, update=_update_topic, delete=_delete_topic),
    }
)
"""The types that can be made. Nested stacks are CloudFormation's own."""
