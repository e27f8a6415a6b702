-- Sends requests in batches, without waiting for the response to each:
--
--	wrk -c 100 -d 10s -s examples/http/wrk/pipeline.lua http://127.0.0.1:8080/plaintext
--	wrk ... -s examples/http/wrk/pipeline.lua http://127.0.0.1:8080/plaintext -- 32
--
-- What follows the second -- is the number of requests in a batch, or 16. The
-- latencies that wrk prints are those of batches.

local batch

function init(args)
   local request = wrk.format()
   batch = request:rep(tonumber(args[1]) or 16)
end

function request()
   return batch
end
