package httpapi

// ssoRoutes is a part of the route table.
func (s *Server) ssoRoutes() []route { return nil }
