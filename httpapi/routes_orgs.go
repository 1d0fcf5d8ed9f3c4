package httpapi

// organizationRoutes is a part of the route table.
func (s *Server) organizationRoutes() []route { return nil }
