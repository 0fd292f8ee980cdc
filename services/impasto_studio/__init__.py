"""The studio: pages for people, and for those who run the platform; a client of the public API like any other."""
