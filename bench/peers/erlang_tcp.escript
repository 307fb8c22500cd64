#!/usr/bin/env escript
%% The peer in Erlang: one-way messages and calls over {packet, 4}.
%%
%% Frames are the ones of bench/floor, so either end can meet the other.
-mode(compile).

-define(REQUEST, 1).
-define(REPLY, 2).
-define(BATCH_BYTES, 131072).
-define(OPTIONS, [
    binary, {packet, 4}, {active, false}, {nodelay, true},
    {recbuf, 262144}, {sndbuf, 262144}, {buffer, 262144}
]).

main(["one-way", "server" | _]) -> listen(fun count/1);
main(["calls", "server" | _]) -> listen(fun answer/1);
main(["one-way", "client" | Words]) -> send_one_way(Words);
main(["calls", "client" | Words]) -> make_calls(Words);
main(_) ->
    io:format(standard_error, "Usage: one-way|calls server|client~n", []),
    halt(2).

%% One way.

count(Socket) ->
    ok = inet:setopts(Socket, [{active, 1000}, {exit_on_close, false}]),
    count(Socket, 0).

count(Socket, Messages) ->
    receive
        {tcp, Socket, _Message} ->
            count(Socket, Messages + 1);
        {tcp_passive, Socket} ->
            ok = inet:setopts(Socket, [{active, 1000}]),
            count(Socket, Messages);
        {tcp_closed, Socket} ->
            ok = gen_tcp:send(Socket, <<Messages:64>>),
            gen_tcp:close(Socket)
    end.

%% The frames are built by hand so that one send carries many of them.
send_one_way(Words) ->
    Message = binary:copy(<<"x">>, number("bytes", 1024, Words)),
    Frame = [<<(byte_size(Message)):32>>, Message],
    PerBatch = max(1, ?BATCH_BYTES div iolist_size(Frame)),
    Socket = connect(Words, [{packet, raw}]),
    Started = erlang:monotonic_time(microsecond),
    Deadline = Started + round(number("seconds", 2, Words) * 1000000),
    Sent = send_until(Deadline, Socket, Message, PerBatch, 0),
    ok = gen_tcp:shutdown(Socket, write),
    ok = inet:setopts(Socket, [{packet, 4}]),
    {ok, <<Sent:64>>} = gen_tcp:recv(Socket, 0, 20000),
    Seconds = (erlang:monotonic_time(microsecond) - Started) / 1.0e6,
    io:format("{\"messages\":~b,\"seconds\":~.6f,\"messagesPerSecond\":~.1f}~n",
              [Sent, Seconds, Sent / Seconds]).

send_until(Deadline, Socket, Message, PerBatch, Sent) ->
    case erlang:monotonic_time(microsecond) < Deadline of
        true ->
            ok = gen_tcp:send(Socket, batch(Message, PerBatch, [])),
            send_until(Deadline, Socket, Message, PerBatch, Sent + PerBatch);
        false ->
            Sent
    end.

batch(_Message, 0, Batch) -> Batch;
batch(Message, Left, Batch) ->
    batch(Message, Left - 1, [<<(byte_size(Message)):32>>, Message | Batch]).

%% Calls: the server.

answer(Socket) ->
    ok = inet:setopts(Socket, [{active, 1000}, {delay_send, true}]),
    answer_loop(Socket).

answer_loop(Socket) ->
    receive
        {tcp, Socket, <<?REQUEST, Id:32, Payload/binary>>} ->
            ok = gen_tcp:send(Socket, [<<?REPLY, Id:32>>, handle(Payload)]),
            answer_loop(Socket);
        {tcp_passive, Socket} ->
            ok = inet:setopts(Socket, [{active, 1000}]),
            answer_loop(Socket);
        {tcp_closed, Socket} ->
            ok
    end.

handle(Payload) -> Payload.

%% Calls: the client. One process owns the connection and the map of callers.

make_calls(Words) ->
    Payload = binary:copy(<<"x">>, number("bytes", 64, Words)),
    InFlight = number("in-flight", 128, Words),
    Conn = spawn_link(fun() -> own(connect(Words, [{delay_send, true}])) end),
    Started = erlang:monotonic_time(microsecond),
    Deadline = Started + round(number("seconds", 2, Words) * 1000000),
    Main = self(),
    Worker = fun() ->
        Main ! {done, work(Conn, Payload, Deadline, InFlight =:= 1, 0, [])}
    end,
    [spawn_link(Worker) || _ <- lists:seq(1, InFlight)],
    Results = [receive {done, Result} -> Result end
               || _ <- lists:seq(1, InFlight)],
    Seconds = (erlang:monotonic_time(microsecond) - Started) / 1.0e6,
    Calls = lists:sum([Count || {Count, _} <- Results]),
    io:format("{\"calls\":~b,~s\"seconds\":~.6f,\"callsPerSecond\":~.1f}~n",
              [Calls, latency(Results), Seconds, Calls / Seconds]).

latency([{Calls, Nanos}]) ->
    Sorted = lists:sort(Nanos),
    At = fun(Share) -> lists:nth(trunc(Calls * Share) + 1, Sorted) / 1000 end,
    io_lib:format("\"p50\":~.3f,\"p99\":~.3f,", [At(0.5), At(0.99)]);
latency(_) -> "".

work(Conn, Payload, Deadline, Timed, Calls, Nanos) ->
    Before = erlang:monotonic_time(nanosecond),
    case Before div 1000 < Deadline of
        true ->
            Payload = call(Conn, Payload),
            Took = [erlang:monotonic_time(nanosecond) - Before || Timed],
            work(Conn, Payload, Deadline, Timed, Calls + 1, Took ++ Nanos);
        false ->
            {Calls, Nanos}
    end.

call(Conn, Payload) ->
    Ref = make_ref(),
    Conn ! {call, self(), Ref, Payload},
    receive {Ref, Reply} -> Reply end.

own(Socket) ->
    ok = inet:setopts(Socket, [{active, 1000}]),
    own(Socket, 0, #{}).

own(Socket, Id, Waiting) ->
    receive
        {call, From, Ref, Payload} ->
            ok = gen_tcp:send(Socket, [<<?REQUEST, Id:32>>, Payload]),
            Next = (Id + 1) band 16#FFFFFFFF,
            own(Socket, Next, Waiting#{Id => {From, Ref}});
        {tcp, Socket, <<?REPLY, ReplyId:32, Payload/binary>>} ->
            {{From, Ref}, Left} = maps:take(ReplyId, Waiting),
            From ! {Ref, Payload},
            own(Socket, Id, Left);
        {tcp_passive, Socket} ->
            ok = inet:setopts(Socket, [{active, 1000}]),
            own(Socket, Id, Waiting);
        {tcp_closed, Socket} ->
            exit(closed)
    end.

%% Both ends.

listen(Serve) ->
    Options = [{ip, {127, 0, 0, 1}}, {backlog, 511} | ?OPTIONS],
    {ok, Listener} = gen_tcp:listen(0, Options),
    {ok, Port} = inet:port(Listener),
    io:format("{\"port\":~b}~n", [Port]),
    spawn_link(fun() -> accept(Listener, Serve) end),
    until_stdin_closes().

accept(Listener, Serve) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    Pid = spawn(fun() -> receive go -> Serve(Socket) end end),
    ok = gen_tcp:controlling_process(Socket, Pid),
    Pid ! go,
    accept(Listener, Serve).

until_stdin_closes() ->
    case io:get_line("") of
        eof -> halt(0);
        {error, _} -> halt(0);
        _ -> until_stdin_closes()
    end.

connect(Words, More) ->
    Port = number("port", 0, Words),
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, ?OPTIONS ++ More),
    Socket.

number(Name, Default, Words) ->
    Flag = "--" ++ Name,
    case lists:dropwhile(fun(Word) -> Word =/= Flag end, Words) of
        [Flag, Text | _] ->
            try list_to_integer(Text)
            catch error:badarg -> list_to_float(Text)
            end;
        _ -> Default
    end.
