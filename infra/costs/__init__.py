"""What a deployment costs: idle, from its synthesized templates, and per million requests, from stated inputs."""
