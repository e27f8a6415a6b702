-- Sends an Authorization header with every request, with wrk or wrk2:
--
--	TOKEN=secret wrk -t 2 -c 100 -d 10s -s examples/http/wrk/authorization.lua http://127.0.0.1:8080/json
--
-- Without TOKEN it is about as long as those that services sign and hand out.

local token = os.getenv("TOKEN") or ("x"):rep(160)

wrk.headers["Authorization"] = "Bearer " .. token
