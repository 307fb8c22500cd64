#!/usr/bin/env escript
%% A client that sends frames to an echo server and checks what comes back.
%% Erlang's own {packet, N} does the framing: an N-byte big-endian length.
%%
%%   erlang_client.escript --port PORT [--packet 1|2|4] [--timeout MS]
%%     --mode echo  [--sizes 0,1,127] [--random COUNT] [--max SIZE] [--seed INT]
%%     --mode burst [--count COUNT] [--size SIZE]
%%     --mode drip  [--size SIZE]
%%
%% echo: one message after the other, of the sizes given and then of COUNT
%%   random sizes up to SIZE.
%% burst: sends all messages without waiting for a reply; a process of its own
%%   sends, so that an echo server cannot block both sides.
%% drip: sends one frame a byte at a time.
%%
%% Prints `ok COUNT` and exits 0, or prints `error ...` and exits 1, after the
%% timeout (8 seconds without one) at the latest.
-mode(compile).

main(Args) ->
    Flags = flags(Args, #{}),
    {ok, _} = timer:apply_after(number("--timeout", 8000, Flags), erlang, apply, [fun fail/1, [timeout]]),
    try run(maps:get("--mode", Flags, "echo"), Flags) of
        Count -> io:format("ok ~b~n", [Count])
    catch
        _:Reason -> fail(Reason)
    end.

run("echo", Flags) ->
    rand:seed(exsss, number("--seed", 1, Flags)),
    Max = number("--max", 65536, Flags),
    Given = [list_to_integer(S) || S <- string:lexemes(maps:get("--sizes", Flags, ""), ",")],
    Random = [rand:uniform(Max + 1) - 1 || _ <- lists:seq(1, number("--random", 0, Flags))],
    Socket = connect(packet(Flags), Flags),
    lists:foreach(fun(Size) -> echo(Socket, rand:bytes(Size)) end, Given ++ Random),
    ok = gen_tcp:close(Socket),
    length(Given) + length(Random);
run("burst", Flags) ->
    Count = number("--count", 1000, Flags),
    Size = number("--size", 64, Flags),
    Socket = connect(packet(Flags), Flags),
    %% What stops the sender stops the receiver too, which then says so.
    spawn(fun() -> catch [ok = gen_tcp:send(Socket, message(I, Size)) || I <- lists:seq(1, Count)] end),
    [receive_exactly(Socket, message(I, Size)) || I <- lists:seq(1, Count)],
    ok = gen_tcp:close(Socket),
    Count;
run("drip", Flags) ->
    N = packet(Flags),
    Size = number("--size", 20, Flags),
    Frame = <<Size:N/unit:8, (message(1, Size))/binary>>,
    Socket = connect(raw, Flags),
    [ok = gen_tcp:send(Socket, <<Byte>>) || <<Byte>> <= Frame],
    {ok, Frame} = gen_tcp:recv(Socket, byte_size(Frame)),
    ok = gen_tcp:close(Socket),
    1.

connect(Packet, Flags) ->
    Options = [binary, {packet, Packet}, {active, false}, {nodelay, true}],
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, number("--port", none, Flags), Options),
    Socket.

echo(Socket, Message) ->
    ok = gen_tcp:send(Socket, Message),
    receive_exactly(Socket, Message).

receive_exactly(Socket, Message) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, Message} -> ok;
        {ok, Other} -> error({differs, {sent, byte_size(Message)}, {received, byte_size(Other)}});
        {error, Reason} -> error(Reason)
    end.

%% Each message of a burst begins with its number, where there is room for it.
message(Number, Size) ->
    binary:part(<<Number:32, (binary:copy(<<Number:8>>, Size))/binary>>, 0, Size).

packet(Flags) ->
    number("--packet", 4, Flags).

number(Name, Default, Flags) ->
    case Flags of
        #{Name := Text} -> list_to_integer(Text);
        #{} when Default =/= none -> Default;
        #{} -> error({missing, Name})
    end.

flags([Name, Value | Rest], Flags) -> flags(Rest, Flags#{Name => Value});
flags([], Flags) -> Flags;
flags([Name], _) -> fail({no_value, Name}).

fail(Reason) ->
    io:format("error ~0p~n", [Reason]),
    halt(1).
