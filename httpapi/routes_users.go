package httpapi

// userRoutes is a part of the route table.
func (s *Server) userRoutes() []route { return nil }
