"""The methods of the JSON-RPC specification's examples, served by jsonrpclib-pelix. Prints its port."""

import threading
import sys

from jsonrpclib.SimpleJSONRPCServer import SimpleJSONRPCServer


def subtract(minuend, subtrahend):
    return minuend - subtrahend


class Quiet(SimpleJSONRPCServer):
    def handle_error(self, request, client_address):
        pass


server = Quiet(("127.0.0.1", 0), logRequests=False)
server.register_function(subtract)
server.register_function(lambda *numbers: sum(numbers), "sum")
server.register_function(lambda: ["hello", 5], "get_data")
server.register_function(lambda *anything: None, "update")
server.register_function(lambda *anything: None, "notify_hello")
server.register_function(lambda *anything: None, "notify_sum")
threading.Thread(target=server.serve_forever, daemon=True).start()
print("port", server.server_address[1], flush=True)
# The end of the standard input ends it.
sys.stdin.read()
