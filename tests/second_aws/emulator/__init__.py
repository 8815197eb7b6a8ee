"""MiniStack, an emulator of AWS, with bridges where it differs from AWS: one file a service.

It runs in its own virtual environment (requirements-ministack.in), and nothing else imports it.
"""
