"""A JSON Web Token: jwt.py ALG KEYFILE CLAIMS [HEADER], of RS256, ES256, HS256,
or any other name signed as HS256.  exp and nbf may be "+5" or "-5": seconds
from now.  KEYFILE is what openssl genpkey made, or a secret."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import time


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw_ecdsa(der):
    """The two numbers of an ASN.1 signature, 32 bytes each."""
    out, at = b"", 2
    for _ in range(2):
        n = der[at + 1]
        out += der[at + 2:at + 2 + n].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + n
    return out


def sign(alg, keyfile, text):
    if alg not in ("RS256", "ES256"):
        with open(keyfile, "rb") as f:
            secret = f.read()
        if not secret.startswith(b"-----") and secret.endswith(b"\n"):
            secret = secret[:-1]
        return hmac.new(secret, text, hashlib.sha256).digest()
    sig = subprocess.run(["openssl", "dgst", "-sha256", "-sign", keyfile],
                         input=text, stdout=subprocess.PIPE, check=True).stdout
    return raw_ecdsa(sig) if alg == "ES256" else sig


alg, keyfile, claims = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
header = {"alg": alg, "typ": "JWT"}
if len(sys.argv) > 4:
    header.update(json.loads(sys.argv[4]))
for name in ("exp", "nbf"):
    if isinstance(claims.get(name), str):
        claims[name] = int(time.time()) + int(claims[name])
text = b64(json.dumps(header).encode()) + "." + b64(json.dumps(claims).encode())
print(text + "." + b64(sign(alg, keyfile, text.encode())))
