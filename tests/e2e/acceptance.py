#!/usr/bin/python3
"""acceptance.py run|clean URL CERTIFICATE: what the existing clients do, with certificates checked.

run: the acceptance sequence, on a store without "foo" and "bar". clean: the cleaning tool, which deletes
both and prints status and JSON.
"""

import json
import ssl
import sys
import urllib.error
import urllib.request

FOO = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
BAR = "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9"


class Client:
    def __init__(self, url, certificate):
        self.url = url
        context = ssl.create_default_context(cafile=certificate)
        assert context.check_hostname and context.verify_mode == ssl.CERT_REQUIRED
        self.opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))

    def ask(self, method, path, document=None):
        """Returns the status and the body, read as JSON whatever its media type says."""
        data = None if document is None else json.dumps(document).encode()
        fields = {"Accept": "*/*"}
        if data is not None:
            fields["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, data=data, headers=fields, method=method)
        try:
            with self.opener.open(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as answer:
            return answer.code, json.load(answer)


def expect(what, got, wanted):
    if got != wanted:
        sys.exit("%s: wanted %r, got %r" % (what, wanted, got))


def run(client):
    status, document = client.ask("GET", "/messages/" + 64 * "a")
    expect("unknown digest", status, 404)
    expect("its err_msg", document["err_msg"], "Message not found for hash: " + 64 * "a")
    for message, digest in (("foo", FOO), ("bar", BAR)):
        status, document = client.ask("POST", "/messages", {"message": message})
        expect("POST " + message, (status, document["digest"]), (201, digest))
        status, document = client.ask("GET", "/messages/" + digest)
        expect("GET " + message, (status, document["message"]), (200, message))
    expect("GET foo again", client.ask("GET", "/messages/" + FOO)[0], 200)


def clean(client):
    for digest in (FOO, BAR):
        status, document = client.ask("DELETE", "/messages/" + digest)
        print(status, json.dumps(document))


if __name__ == "__main__":
    {"run": run, "clean": clean}[sys.argv[1]](Client(sys.argv[2], sys.argv[3]))
