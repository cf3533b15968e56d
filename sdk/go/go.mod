module microsandbox

go 1.19
