-- Sends requests in batches, without waiting for the response to each:
--
--	wrk -t 2 -c 100 -d 10s -s examples/http/wrk/pipeline.lua http://127.0.0.1:8080/plaintext
--
-- A batch has 16 requests, or as many as the environment variable DEPTH says. The
-- latencies that wrk prints are those of batches.

local depth = tonumber(os.getenv("DEPTH")) or 16
local batch

-- Not in init, which wrk and wrk2 call in different ways.
function request()
   batch = batch or wrk.format():rep(depth)
   return batch
end
