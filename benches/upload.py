"""Uploads files with requests. The API and its key are in the environment."""

import os
import sys

import requests

API = os.environ["LINQ_API_V3_BASE_URL"]
KEY = os.environ["LINQ_API_V3_API_KEY"]

session = requests.Session()
session.verify = os.environ["SSL_CERT_FILE"]
for path in sys.argv[1:]:
    declared = {
        "filename": os.path.basename(path),
        "content_type": "text/plain",
        "size_bytes": os.path.getsize(path),
    }
    answer = session.post(f"{API}/v3/attachments", json=declared, headers={"Authorization": f"Bearer {KEY}"})
    answer.raise_for_status()
    place = answer.json()
    with open(path, "rb") as body:
        answer = session.put(place["upload_url"], data=body, headers=place["required_headers"])
    answer.raise_for_status()
