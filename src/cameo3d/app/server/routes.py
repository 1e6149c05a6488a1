"""What the service answers, version 1."""

from typing import Annotated

from fastapi import APIRouter, Depends

from cameo3d import __version__
from cameo3d.app.server.service import Service, service_of

router = APIRouter(prefix="/v1")
TheService = Annotated[Service, Depends(service_of)]


@router.get("/health")
def health(service: TheService) -> dict:
    """Whether the service is there; needs no token."""
    return {"status": "ok", "version": __version__}


@router.get("/models")
def models(service: TheService) -> dict:
    """The avatar models, and which of their sizes are ready."""
    from cameo3d.weights.released import RELEASED

    return {
        "models": [
            {"model": "relief", "sizes": [], "default_size": None},
            *(
                {"model": name, "sizes": ["official", "lite"] if there else ["lite"]}
                for name in ("real3d", "goha")
                if (there := RELEASED[f"{name}-official"].path.is_file()) or True
            ),
        ]
    }
