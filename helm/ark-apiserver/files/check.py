# Asks kube-apiserver for what this release serves, for `helm test`.  Arguments: the paths that must be there.
import json
import os
import ssl
import sys
import time
import urllib.request

folder = os.environ.get("SERVICE_ACCOUNT_FOLDER", "/var/run/secrets/kubernetes.io/serviceaccount")
host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
context = ssl.create_default_context(cafile=os.path.join(folder, "ca.crt"))
with open(os.path.join(folder, "token")) as file:
    token = file.read().strip()


def served(path):
    request = urllib.request.Request(server + path, headers={"Authorization": "Bearer " + token})
    with urllib.request.urlopen(request, timeout=5, context=context) as answer:
        return sorted(resource["name"] for resource in json.load(answer)["resources"])


def wait_for(path, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            return served(path)
        except (OSError, ValueError, KeyError) as error:
            if time.monotonic() > end:
                sys.exit(f"{path}: {error}")
            time.sleep(1)


for path in sys.argv[1:]:
    print(f"{path}: {', '.join(wait_for(path))}")
