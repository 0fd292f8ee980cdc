"""Model families: one folder each, with named flavors, the network, its file format and a README."""
