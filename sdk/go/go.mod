module microsandbox.internal/microsandbox

go 1.19
