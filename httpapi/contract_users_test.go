package httpapi_test

var userContracts = []contract{}
