package httpapi_test

var drainContracts = []contract{}
