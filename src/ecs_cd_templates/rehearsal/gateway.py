"""The one door of the rehearsal's AWS: reads a call, checks who signed it and whether they may, and has it answered.

A call is answered by the rehearsal's own service where that has a handler for the operation, and by moto otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Response

from . import signatures
from .calls import Call, Credentials, ServiceError

if TYPE_CHECKING:
    from .cloud import Cloud

# botocore's name of a service, where it is not the one that signatures carry.
_SERVICES = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def application(cloud: Cloud) -> WsgiApplication:
    """The WSGI application that answers every API of the cloud."""
    moto = DomainDispatcherApplication(create_backend_app)

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        for prefix, other in cloud.mounted.items():
            if environ.get("PATH_INFO", "").startswith(prefix):
                return other(environ, start_response)  # type: ignore[no-any-return]
        request = Request(environ)
        body = request.get_data()
        # Read once, and handed on.
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(body), str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        credentials, signature = _who(cloud, request, body)
        if credentials is None or signature is None:
            response = _error(None, "SignatureDoesNotMatch", "The request is not signed by anyone known here.", 403)
            return response(environ, start_response)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = credentials.caller.account
        call, operation, protocol = _parse(request, credentials, signature)
        if credentials not in cloud.directly:
            try:
                cloud.decide(call)
                handler = cloud.handlers.get((call.service, call.operation))
                if handler is not None:
                    return _serialized(operation, protocol, handler(call))(environ, start_response)
            except ServiceError as error:
                return _error(protocol, error.code, error.message, error.status)(environ, start_response)
        return moto(environ, start_response)  # type: ignore[no-any-return]

    return answer


def _who(cloud: Cloud, request: Request, body: bytes) -> tuple[Credentials | None, signatures.Signature | None]:
    signature = signatures.read(request.headers.get("Authorization", ""))
    credentials = None if signature is None else cloud.known.get(signature.access_key)
    if signature is None or credentials is None:
        return None, None
    raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.full_path
    path, _, query = raw.partition("?")
    headers = {name.lower(): value for name, value in request.headers.items()}
    if credentials.token is not None and headers.get("x-amz-security-token") != credentials.token:
        return None, None
    if not signatures.is_valid(signature, credentials.secret_key, request.method, path, query, headers, body):
        return None, None
    return credentials, signature


def _parse(request: Request, credentials: Credentials, signature: signatures.Signature) -> tuple[Call, Any, str]:
    service = _SERVICES.get(signature.service, signature.service)
    model = get_service_model(service)
    protocol = determine_request_protocol(model, request.content_type)
    uri: Mapping[str, Any] = {}
    target, action = request.headers.get("X-Amz-Target"), request.values.get("Action")
    if target or action:
        operation = model.operation_model((target or action or "").rpartition(".")[2])
    else:
        operation, uri = get_service_router(service).match(request)
    parameters = PROTOCOL_PARSERS[protocol](operation).parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.get_data(),
            "url_path": request.path,
            "url_params": dict(uri),
        }
    )
    call = Call(
        service=service,
        operation=operation.name,
        parameters=parameters,
        account=credentials.caller.account,
        region=signature.region,
        caller=credentials.caller,
    )
    return call, operation, protocol


def _serialized(operation: Any, protocol: str, result: Mapping[str, Any]) -> Response:
    serializer = get_serializer_class(operation.service_model.service_name, protocol)(operation)
    answer = serializer.serialize(result)
    return Response(answer["body"], answer["status_code"], answer["headers"])


def _error(protocol: str | None, code: str, message: str, status: int) -> Response:
    """The refusal in the protocol's own form."""
    if protocol in (None, "json", "rest-json"):
        body = json.dumps({"__type": code, "message": message, "Message": message})
        return Response(body, status, {"x-amzn-errortype": code}, content_type="application/x-amz-json-1.1")
    inside = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol == "ec2":
        text = f"<Response><Errors><Error>{inside}</Error></Errors><RequestID>0</RequestID></Response>"
    elif protocol == "rest-xml":
        text = f"<Error>{inside}</Error>"
    else:
        text = f"<ErrorResponse><Error><Type>Sender</Type>{inside}</Error><RequestId>0</RequestId></ErrorResponse>"
    return Response(text, status, content_type="text/xml")
