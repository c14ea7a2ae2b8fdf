"""The folders of the repository's root under one import name: each entry beside this file is a link to one of them."""
