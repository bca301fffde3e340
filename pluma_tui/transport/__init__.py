"""HTTP and the framings on top of it. One place maps httpx errors to ours."""
