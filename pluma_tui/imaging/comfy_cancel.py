"""Cancelling one job on a ComfyUI that others use as well."""

from pluma_tui.imaging.comfy_api import ComfyApi


async def take_back(api: ComfyApi, prompt_id: str, client_id: str) -> bool:
    """Take exactly this job back, be it queued or running; whether it had begun. Raises ProviderError.

    The client's id finds it where the server chose another prompt id and has not told it yet.
    """
    queue = await api.queue()
    mine = {prompt_id, *queue.of_client(client_id)}
    waiting = mine.intersection(queue.pending)
    for job in waiting:
        await api.post("queue", {"delete": [job]})
        queue = await api.queue()  # it may have begun meanwhile
    # Older servers pass over the id and interrupt whatever runs: so only if that is ours.
    running = mine.intersection(queue.running)
    for job in running:
        await api.post("interrupt", {"prompt_id": job})
    return bool(running) or not waiting  # in neither: it has just ended
