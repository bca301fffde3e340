"""Where a message is written, and what stands above it while it is: see `Composer`."""

from pluma_tui.widgets.composer.completing import Offer
from pluma_tui.widgets.composer.composer import Composer
from pluma_tui.widgets.composer.offers import Offers
from pluma_tui.widgets.composer.waiting import Waiting

__all__ = ["Composer", "Offer", "Offers", "Waiting"]
