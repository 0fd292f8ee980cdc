"""What a picture is made of: colours, composition, technical quality, safety, and a sheet that shows them."""
