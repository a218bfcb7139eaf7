"""The two addresses at which the kit asks a connector to begin: what it wants is asked of the node's management."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from trustspace.node.client import Participant
from trustspace.node.views import NegotiateRequest, TransferRequestView

NEGOTIATIONS = "/negotiations"
TRANSFERS = "/transfers"
TERMS = {"permission": [{"action": "use"}]}
"""What the kit offers for each of its datasets; it names the offer and not its terms."""


def trigger_app(node: Participant) -> Starlette:
    """The application that the kit calls."""

    async def negotiate(request: Request) -> Response:
        told = await request.json()
        wish = NegotiateRequest(
            code="",
            connector=told["connectorAddress"],
            provider=told["providerId"],
            dataset=told["datasetId"],
            offer=told["offerId"],
            policy=TERMS,
            wait=0,
            key="",
        )
        begun = await node.call("negotiate", request=wish)
        return JSONResponse({"negotiation": begun.negotiation})

    async def transfer(request: Request) -> Response:
        told = await request.json()
        wish = TransferRequestView(connector=told["connectorAddress"], wait=0)
        begun = await node.call("transfer", told["agreementId"], request=wish)
        return JSONResponse({"transfer": begun.transfer})

    return Starlette(
        routes=[Route(NEGOTIATIONS, negotiate, methods=["POST"]), Route(TRANSFERS, transfer, methods=["POST"])]
    )
