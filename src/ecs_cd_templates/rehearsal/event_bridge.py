"""EventBridge: has the rules of an account and region start what they target when an event matches.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rules.html. The rules themselves are moto's.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from .calls import Call, Credentials, ServiceError
from .cloud import Cloud
from .event_patterns import check, matches


class Delivery(NamedTuple):
    """An event that matched the pattern of the rule with this ARN: its target, and why that was not reached, if so."""

    event: Mapping[str, Any]
    rule: str
    target: str
    error: str | None


class EventBridge:
    """Delivers what is published in a cloud; ``deliveries`` are those so far, in their order.

    An event is delivered by the time that ``cloud.publish`` returns, once, and without another try.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.deliveries: list[Delivery] = []
        cloud.subscribers.append(self._deliver)
        cloud.serve(
            "events",
            {"PutEvents": self._put_events, "PutRule": self._put_rule, "TestEventPattern": _test_event_pattern},
        )

    def _put_rule(self, call: Call) -> Mapping[str, Any]:
        pattern = call.parameters.get("EventPattern")
        if pattern is not None:
            check(pattern)
        events = self.cloud.behind("events", account=call.account, region=call.region)
        try:
            answer = events.put_rule(**call.parameters)
        except ClientError as error:
            raise _refusal(error) from None
        return {"RuleArn": answer["RuleArn"]}

    def _put_events(self, call: Call) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html."""
        entries = [self._put_event(call, entry) for entry in call.parameters["Entries"]]
        return {"FailedEntryCount": sum("ErrorCode" in entry for entry in entries), "Entries": entries}

    def _put_event(self, call: Call, entry: Mapping[str, Any]) -> dict[str, str]:
        for name in ("Source", "DetailType", "Detail"):
            if not entry.get(name):
                return _failed(
                    "InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument."
                )
        if entry["Source"].startswith("aws."):
            return _failed("NotAuthorizedForSourceException", "Not authorized for the source.")
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            detail = None
        if not isinstance(detail, dict):
            return _failed("MalformedDetail", "Detail is malformed.")
        time = entry.get("Time") or datetime.now(UTC)
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": call.account,
            "time": time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": call.region,
            "resources": list(entry.get("Resources") or []),
            "detail": detail,
        }
        bus = (entry.get("EventBusName") or "default").rpartition("/")[2]
        if bus == "default":
            self.cloud.publish(event)
        else:
            self._deliver(event, bus)
        return {"EventId": event["id"]}

    def _deliver(self, event: Mapping[str, Any], bus: str = "default") -> None:
        for rule, target in self._targets(event, bus):
            error = None
            try:
                self._invoke(event, rule, target)
            except ServiceError as refusal:
                error = refusal.message
            except ClientError as refusal:
                error = str(refusal)
            self.deliveries.append(Delivery(event, rule, target["Arn"], error))

    def _targets(self, event: Mapping[str, Any], bus: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        events = self.cloud.behind("events", account=event["account"], region=event["region"])
        pages = events.get_paginator("list_rules").paginate(EventBusName=bus)
        for rule in [rule for page in pages for rule in page["Rules"]]:
            if rule["State"] == "DISABLED" or not rule.get("EventPattern") or not matches(rule["EventPattern"], event):
                continue
            answers = events.get_paginator("list_targets_by_rule").paginate(Rule=rule["Name"], EventBusName=bus)
            for target in [target for page in answers for target in page["Targets"]]:
                yield rule["Arn"], target

    def _invoke(self, event: Mapping[str, Any], rule: str, target: Mapping[str, Any]) -> None:
        """Calls what the target is with the role that it names, which must trust EventBridge for this rule.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html and
        https://docs.aws.amazon.com/eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html.
        """
        arn = target["Arn"]
        _, _, service, region, _, name = arn.split(":", 5)
        changed = [key for key in ("Input", "InputPath", "InputTransformer") if key in target]
        if service not in ("codepipeline", "sns") or changed or "RoleArn" not in target:
            what = f"with {changed[0]}" if changed else "of this kind" if "RoleArn" in target else "without a role"
            raise ServiceError("NotRehearsed", f"A target {what} is not rehearsed: {arn}")
        credentials = self.cloud.assume(
            target["RoleArn"], "events", {"aws:SourceArn": rule, "aws:SourceAccount": event["account"]}
        )
        if service == "codepipeline":
            self._client("codepipeline", region, credentials).start_pipeline_execution(name=name)
        else:
            self._client("sns", region, credentials).publish(TopicArn=arn, Message=json.dumps(event))

    def _client(self, service: str, region: str, credentials: Credentials) -> Any:
        return self.cloud.client(service, region=region, credentials=credentials)


def _test_event_pattern(call: Call) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html."""
    try:
        event = json.loads(call.parameters["Event"])
    except ValueError:
        raise ServiceError("ValidationException", "Parameter Event is not valid.") from None
    return {"Result": matches(call.parameters["EventPattern"], event)}


def _failed(code: str, message: str) -> dict[str, str]:
    return {"ErrorCode": code, "ErrorMessage": message}


def _refusal(error: ClientError) -> ServiceError:
    about = error.response["Error"]
    return ServiceError(about["Code"], about["Message"])
