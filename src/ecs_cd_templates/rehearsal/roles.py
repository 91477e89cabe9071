"""Who may call what: each call decided by the policies of the role that signed it, and what was never called.

Whoever launches may do everything, and is not decided about. A role is allowed what its own policies allow, unless the
policy of a bucket denies it; to use a key takes the key's policy as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moto.kms.models import kms_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends

from ..iam.calls import Bucket, Place, requests
from ..iam.evaluator import Request, is_allowed, may_use_key
from .calls import Call, Decision, ServiceError
from .cloud import Cloud


@dataclass(frozen=True)
class Grant:
    """An action or a resource of a statement of a role's policy, as the policy spells it."""

    role: str
    what: str
    sid: str


class Roles:
    """Decides about the cloud's calls from now on."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self._bucket_policies: dict[str, str] = {}
        cloud.decider = self.decide
        cloud.serve("sts", {"GetCallerIdentity": _identity})
        # moto would decide by a bucket's policy without its conditions.
        cloud.serve(
            "s3",
            {
                "PutBucketPolicy": self._put_bucket_policy,
                "GetBucketPolicy": self._get_bucket_policy,
                "DeleteBucketPolicy": self._delete_bucket_policy,
            },
        )

    def decide(self, call: Call) -> Decision:
        """What the call asks for, and the first of it that its role may not do."""
        if call.caller.role is None:
            return Decision(call=call)
        asked = tuple(requests(call.service, call.operation, call.parameters, self._place(call)))
        role = self.cloud.role(call.caller.role)
        policies = [] if role is None else role["policies"]
        for request in asked:
            if not self._allows(policies, request, call):
                return Decision(call=call, asked=asked, denied=request)
        return Decision(call=call, asked=asked)

    def made(self) -> list[Decision]:
        """The decisions about calls that roles made, in their order."""
        return [decision for decision in self.cloud.decisions if decision.call.caller.role is not None]

    def unused(self) -> list[Grant]:
        """The actions and resources of the policies of roles that made calls, which no call of theirs needed."""
        by_role: dict[str, list[Request]] = {}
        for decision in self.made():
            by_role.setdefault(decision.call.caller.role or "", []).extend(decision.asked)
        return [
            grant
            for arn, asked in by_role.items()
            for grant, policy in self._grants(arn)
            if not any(is_allowed([policy], request) for request in asked)
        ]

    def _grants(self, arn: str) -> Iterator[tuple[Grant, dict[str, Any]]]:
        """Each action and each resource of the role's policies, with its statement without the others of its kind."""
        for policy in (self.cloud.role(arn) or {"policies": []})["policies"]:
            for statement in policy["Statement"]:
                for element in ("Action", "Resource"):
                    for value in _listed(statement[element]):
                        alone = {**policy, "Statement": [{**statement, element: value}]}
                        yield Grant(arn, value, statement.get("Sid", "")), alone

    def _allows(self, policies: list[Any], request: Request, call: Call) -> bool:
        service = request.action.partition(":")[0]
        if service == "kms":
            key_policy = self._key_policy(request.resource)
            who = Request(request.action, request.resource, request.context, call.caller.role)
            return key_policy is not None and _allows_key(key_policy, policies, who)
        return is_allowed(policies, request) and not (service == "s3" and self._bucket_denies(request))

    def _place(self, call: Call) -> Place:
        return Place(
            partition=self.cloud.partition,
            region=call.region,
            account=call.account,
            bucket=self._bucket,
            topic_key=self._topic_key,
        )

    def _bucket(self, name: str) -> Bucket:
        """What is known of the bucket; one that does not exist is taken for one of this account."""
        bucket, account = self._found(name)
        if bucket is None:
            return Bucket(account=account)
        rules = (bucket.encryption or {}).get("Rule", {})
        rule = rules[0] if isinstance(rules, list) and rules else rules
        default = (rule or {}).get("ApplyServerSideEncryptionByDefault", {})
        key = default.get("KMSMasterKeyID")
        # An alias, or no key at all, is AWS's own key, which whoever may use the service may use.
        own = key if key and ":key/" in key else None
        return Bucket(account=account, key=own, has_own_key=str((rule or {}).get("BucketKeyEnabled")).lower() == "true")

    def _found(self, name: str) -> tuple[Any, str]:
        for account, backends in s3_backends.items():
            for backend in backends.values():
                if name in backend.buckets:
                    return backend.buckets[name], account
        return None, self.cloud.account

    def _bucket_denies(self, request: Request) -> bool:
        """Whether a Deny of the bucket's policy is about the request. AWS is always called with TLS.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html
        """
        bucket = request.resource.split(":", 5)[5].partition("/")[0]
        if bucket not in self._bucket_policies:
            return False
        policy = json.loads(self._bucket_policies[bucket])
        denials = [
            {**{name: value for name, value in statement.items() if name != "Principal"}, "Effect": "Allow"}
            for statement in policy["Statement"]
            if statement["Effect"] == "Deny" and statement["Principal"] in ("*", {"AWS": "*"})
        ]
        with_tls = Request(request.action, request.resource, {**request.context, "aws:SecureTransport": "true"})
        return bool(denials) and is_allowed([{**policy, "Statement": denials}], with_tls)

    def _put_bucket_policy(self, call: Call) -> dict[str, Any]:
        bucket, policy = self._existing(call), call.parameters["Policy"]
        try:
            json.loads(policy)
        except ValueError:
            raise ServiceError(
                "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'"
            ) from None
        self._bucket_policies[bucket] = policy
        return {}

    def _get_bucket_policy(self, call: Call) -> dict[str, Any]:
        bucket = self._existing(call)
        if bucket not in self._bucket_policies:
            raise ServiceError("NoSuchBucketPolicy", "The bucket policy does not exist", 404)
        return {"Policy": self._bucket_policies[bucket]}

    def _delete_bucket_policy(self, call: Call) -> dict[str, Any]:
        self._bucket_policies.pop(self._existing(call), None)
        return {}

    def _existing(self, call: Call) -> str:
        bucket: str = call.parameters["Bucket"]
        if self._found(bucket)[0] is None:
            raise ServiceError("NoSuchBucket", "The specified bucket does not exist", 404)
        return bucket

    def _topic_key(self, arn: str) -> str | None:
        _, partition, _, region, account, _ = arn.split(":", 5)
        topic = sns_backends[account][region].topics.get(arn)
        key = None if topic is None else topic.kms_master_key_id
        if not key or key.startswith("alias/aws/"):
            return None
        return key if ":key/" in key else f"arn:{partition}:kms:{region}:{account}:key/{key}"

    def _key_policy(self, arn: str) -> Mapping[str, Any] | None:
        _, _, _, region, account, resource = arn.split(":", 5)
        key = kms_backends[account][region].keys.get(resource.partition("/")[2])
        return None if key is None else json.loads(key.policy)


def _identity(call: Call) -> dict[str, Any]:
    return {"Account": call.account, "Arn": call.caller.arn, "UserId": "AROAREHEARSAL"}


def _allows_key(key_policy: Mapping[str, Any], policies: list[Any], request: Request) -> bool:
    """Whether the key's policy and the role's together allow it; one without statements allows nothing."""
    if not key_policy.get("Statement"):
        return False
    return may_use_key(key_policy, policies, request)


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
