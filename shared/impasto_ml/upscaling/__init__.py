"""Super-resolution by Real-ESRGAN in bounded memory."""
