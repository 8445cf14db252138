"""Turn what was measured into files, pictures, a page, and a comparison of runs."""
