"""The platform beside the work on the clips: what a run costs, and what the warehouse takes to build."""
